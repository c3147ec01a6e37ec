//! The bearer token of the environment, found as other programs of the grid find it.
//!
//! This is the [WLCG's discovery](https://zenodo.org/records/3937438). The token is looked up before each request, so
//! that one that is renewed while we work is taken up.

use crate::StorageError;
use crate::auth::token_in;
use crate::environment::Environment;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// The token: in `BEARER_TOKEN`, in the file that `BEARER_TOKEN_FILE` names, or in `bt_u` with the user's number in
/// the folder that `XDG_RUNTIME_DIR` names or else in `/tmp`.
///
/// # Errors
/// [`StorageError::Configuration`] if a file that is named, or is there, has no token.
pub(crate) fn discovered(environment: &Environment) -> Result<Option<String>, StorageError> {
    if let Some(token) = environment.get("BEARER_TOKEN") {
        return Ok(Some(token));
    }
    if let Some(file) = environment.get("BEARER_TOKEN_FILE") {
        return token_in(&PathBuf::from(file)).map(Some);
    }
    let shared = environment.is_of_process().then(|| PathBuf::from("/tmp"));
    let folder = environment.get("XDG_RUNTIME_DIR").map(PathBuf::from).or(shared);
    let (Some(folder), Ok(ours)) = (folder, fs::metadata("/proc/self")) else { return Ok(None) };
    let file = folder.join(format!("bt_u{}", ours.uid()));
    // Anybody may put a file in /tmp: only the user's own is.
    match fs::metadata(&file) {
        Ok(meta) if meta.is_file() && meta.uid() == ours.uid() => token_in(&file).map(Some),
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_token_in_the_order_of_the_grid() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        let (named, runtime) = (path("token"), path(""));
        let found = |variables: &[(&str, &str)]| discovered(&Environment::of(variables.iter().copied()));
        let all = [
            ("BEARER_TOKEN", " T1\n"),
            ("BEARER_TOKEN_FILE", named.as_str()),
            ("XDG_RUNTIME_DIR", runtime.as_str()),
        ];
        assert_eq!(found(&all[2..]).unwrap(), None);
        let error = found(&all[1..]).unwrap_err();
        assert!(matches!(error, StorageError::Configuration { .. }) && !error.is_not_found(), "{error}");
        std::fs::write(&named, "T2\n").unwrap();
        let ours = fs::metadata("/proc/self").unwrap().uid();
        std::fs::write(path(&format!("bt_u{ours}")), "T3").unwrap();
        for (n, token) in ["T1", "T2", "T3"].into_iter().enumerate() {
            assert_eq!(found(&all[n..]).unwrap().as_deref(), Some(token));
        }
        // One that is renewed is taken up.
        std::fs::write(&named, "T4").unwrap();
        assert_eq!(found(&all[1..]).unwrap().as_deref(), Some("T4"));
        assert_eq!(found(&[]).unwrap(), None);
    }
}
