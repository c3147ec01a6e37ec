//! The program's first words.

use crate::sandbox::Sandbox;

/// The commands a help text lists.
fn listed(help: &str) -> Vec<String> {
    let Some(commands) = help.split("Commands:\n").nth(1) else { return Vec::new() };
    commands
        .lines()
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_command_has_help_with_examples() {
    let sandbox = Sandbox::new();
    let mut todo = vec![Vec::new()];
    let mut leaves = 0;
    while let Some(command) = todo.pop() {
        let args: Vec<String> = command.iter().cloned().chain(["--help".to_owned()]).collect();
        let help = sandbox.seedbed(args).succeeds().prints("Usage: seedbed").stdout;
        let below = listed(&help);
        if below.is_empty() {
            leaves += 1;
            assert!(help.contains("Example"), "{command:?} has no example:\n{help}");
        }
        todo.extend(below.into_iter().map(|name| [command.clone(), vec![name]].concat()));
    }
    assert!(leaves >= 20, "only {leaves} commands");
    assert_eq!(sandbox.files(), [""; 0]);
}

#[test]
fn an_unknown_command_is_a_usage_error() {
    Sandbox::new().seedbed(["sow"]).exits(2).says("sow");
}
