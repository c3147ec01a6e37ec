//! What the program says of itself.

use crate::sandbox::Sandbox;

/// Every command, as typed.
const COMMANDS: [&[&str]; 28] = [
    &["archives"],
    &["crawl"],
    &["catalog", "describe"],
    &["catalog", "diff"],
    &["catalog", "rewrite"],
    &["catalog", "split"],
    &["catalog", "validate"],
    &["catalog", "search"],
    &["catalog", "export"],
    &["copy"],
    &["check"],
    &["grid"],
    &["prep"],
    &["composite"],
    &["model", "list"],
    &["model", "describe"],
    &["model", "point"],
    &["init"],
    &["run"],
    &["worker"],
    &["status"],
    &["mosaic"],
    &["verify"],
    &["zonal"],
    &["series"],
    &["clean"],
    &["view"],
    &["doctor"],
];

/// Commands that write, and so can be asked what they would write.
const WRITERS: [&str; 17] = [
    "crawl",
    "copy",
    "grid",
    "prep",
    "composite",
    "init",
    "run",
    "worker",
    "mosaic",
    "clean",
    "view",
    "zonal",
    "series",
    "search",
    "export",
    "rewrite",
    "split",
];

#[test]
fn the_list_of_commands_is_the_programs_own() {
    let sandbox = Sandbox::new();
    let named = |args: &[&str]| -> Vec<String> {
        let help = sandbox.seedbed(args).succeeds().stdout;
        let listed = help.lines().skip_while(|l| *l != "Commands:").skip(1);
        listed
            .take_while(|l| !l.is_empty())
            .filter_map(|l| l.strip_prefix("  ")?.split_whitespace().next().map(str::to_owned))
            .filter(|name| name != "help")
            .collect()
    };
    let mut found = Vec::new();
    for name in named(&["--help"]) {
        let below = named(&[&name, "--help"]);
        if below.is_empty() {
            found.push(name);
        } else {
            found.extend(below.into_iter().map(|sub| format!("{name} {sub}")));
        }
    }
    assert_eq!(found, COMMANDS.map(|c| c.join(" ")));
}

#[test]
fn every_command_has_examples_that_name_it() {
    let sandbox = Sandbox::new();
    for command in COMMANDS {
        let help = sandbox.seedbed([command, &["--help"]].concat()).succeeds().stdout;
        let (_, examples) =
            help.split_once("Examples:").unwrap_or_else(|| panic!("{command:?} has no examples"));
        let wanted = format!("  seedbed {}", command.join(" "));
        assert!(examples.contains(&wanted), "{command:?}: no example begins with `{wanted}`\n{examples}");
        for flag in ["--json", "--quiet", "--no-progress", "--stores"] {
            assert!(help.contains(flag), "{command:?} doesn't know {flag}");
        }
    }
}

#[test]
fn every_writing_command_can_be_asked_first() {
    let sandbox = Sandbox::new();
    for command in COMMANDS {
        let help = sandbox.seedbed([command, &["--help"]].concat()).succeeds().stdout;
        let writes = command.last().is_some_and(|name| WRITERS.contains(name) || *name == "point");
        assert_eq!(help.contains("--dry-run"), writes, "{command:?}");
        let mut goes_on = false;
        let examples = help.lines().skip_while(|line| *line != "Examples:").skip(1);
        for line in examples.take_while(|line| !line.is_empty()) {
            let begins = line.starts_with("  ") && !line.starts_with("   ") && line.contains("seedbed ");
            assert!(begins || goes_on, "{command:?}: {line}");
            goes_on = line.ends_with(" \\");
        }
    }
}
