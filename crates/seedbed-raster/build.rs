//! Keeps libdeflate's symbols inside the programs built here. GDAL's libraries link a libdeflate of
//! their own: with ours exported they would take some functions from one and some from the other.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux") {
        for kind in ["tests", "benches"] {
            println!("cargo::rustc-link-arg-{kind}=-Wl,--exclude-libs,ALL");
        }
    }
}
