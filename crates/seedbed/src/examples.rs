//! Examples in `--help`, folded so that they can be typed as they are printed.

use clap::Command;

/// Columns of a line; clap breaks longer ones anywhere.
const COLUMNS: usize = 98;

/// A command and those below it, their examples folded.
pub fn folded(command: Command) -> Command {
    let help = command.get_after_help().map(|help| fold(&help.to_string()));
    let command = match help {
        Some(help) => command.after_help(help),
        None => command,
    };
    let names: Vec<String> = command.get_subcommands().map(|c| c.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, folded))
}

/// A text whose command lines go on behind a backslash where they are too long.
fn fold(text: &str) -> String {
    let lines =
        text.lines().map(|line| if line.starts_with("  seedbed ") { broken(line) } else { line.to_owned() });
    lines.collect::<Vec<_>>().join("\n")
}

fn broken(line: &str) -> String {
    let (mut done, mut rest) = (String::new(), line.to_owned());
    while rest.chars().count() > COLUMNS {
        let Some(at) = last_gap(&rest) else { break };
        done.push_str(&rest[..at]);
        done.push_str(" \\\n");
        rest = format!("      {}", rest[at..].trim_start());
    }
    done + &rest
}

/// The last space outside quotes that leaves room for a backslash, behind the line's first word.
fn last_gap(line: &str) -> Option<usize> {
    let (mut quoted, mut begun, mut last) = (false, false, None);
    for (n, (at, c)) in line.char_indices().enumerate() {
        if n + 2 > COLUMNS {
            break;
        }
        quoted ^= c == '\'';
        if c == ' ' && begun && !quoted {
            last = Some(at);
        }
        begun |= c != ' ';
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_commands_go_on_behind_a_backslash_and_quotes_stay_whole() {
        let words = "word ".repeat(17);
        let text = format!("Examples:\n  seedbed x {words}--filter 'a b c d e' --out f\n\n{words}{words}");
        let folded = fold(&text);
        let lines: Vec<&str> = folded.lines().collect();
        assert_eq!(lines[2], "      'a b c d e' --out f");
        assert!(lines[1].ends_with("--filter \\") && lines[1].len() <= COLUMNS);
        assert_eq!(lines[4], format!("{words}{words}"), "no command");
        assert_eq!(folded.replace(" \\\n     ", ""), text);
    }
}
