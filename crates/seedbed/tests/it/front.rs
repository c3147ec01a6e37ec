//! The program's first words.

use crate::sandbox::Sandbox;

#[test]
fn every_command_has_help_with_an_example() {
    let sandbox = Sandbox::new();
    let help = sandbox.seedbed(["--help"]).succeeds().prints("Examples:").stdout;
    let listed = help.split("Commands:").nth(1).unwrap().split("Options:").next().unwrap();
    let commands: Vec<&str> = listed
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|name| *name != "help")
        .collect();
    assert!(commands.len() > 10, "{commands:?}");
    for command in commands {
        sandbox.seedbed([command, "--help"]).succeeds().prints("Usage: seedbed");
    }
    assert_eq!(sandbox.files(), [""; 0]);
}

#[test]
fn an_unknown_command_is_a_usage_error() {
    Sandbox::new().seedbed(["sow"]).exits(2).says("sow");
}
