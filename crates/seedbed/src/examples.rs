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

/// A text whose command lines go on behind a backslash where they are too long, and whose
/// paragraphs are filled anew where a line of theirs is.
fn fold(text: &str) -> String {
    let paragraph = |text: &str| {
        let is_too_long = |line: &str| line.chars().count() > COLUMNS && !line.starts_with(' ');
        if text.lines().any(is_too_long) {
            return filled(text);
        }
        let line = |line: &str| if line.starts_with("  seedbed ") { broken(line) } else { line.to_owned() };
        text.lines().map(line).collect::<Vec<_>>().join("\n")
    };
    text.split("\n\n").map(paragraph).collect::<Vec<_>>().join("\n\n")
}

fn filled(text: &str) -> String {
    let (mut lines, mut last) = (Vec::new(), String::new());
    for word in text.split_whitespace() {
        if !last.is_empty() && last.chars().count() + 1 + word.chars().count() > COLUMNS {
            lines.push(std::mem::take(&mut last));
        }
        if !last.is_empty() {
            last.push(' ');
        }
        last.push_str(word);
    }
    lines.push(last);
    lines.join("\n")
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

/// The last space outside quotes that leaves room for a backslash, behind the line's first word:
/// before an option, if there is one.
fn last_gap(line: &str) -> Option<usize> {
    let (mut quoted, mut begun, mut last, mut option) = (false, false, None, None);
    for (n, (at, c)) in line.char_indices().enumerate() {
        if n + 2 > COLUMNS {
            break;
        }
        quoted ^= c == '\'';
        if c == ' ' && begun && !quoted {
            last = Some(at);
            option = last.filter(|_| line[at..].starts_with(" --")).or(option);
        }
        begun |= c != ' ';
    }
    option.or(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_commands_go_on_behind_a_backslash_and_quotes_stay_whole() {
        let words = "word ".repeat(17);
        let text =
            format!("Examples:\n  seedbed x {words}--filter 'a b c d e' --out f\n\n{words}\n{words}{words}");
        let folded = fold(&text);
        let lines: Vec<&str> = folded.lines().collect();
        assert_eq!(lines[1], format!("  seedbed x {words}\\"));
        assert_eq!(lines[2], "      --filter 'a b c d e' --out f");
        assert!(lines[4].len() == 94 && lines[4..].iter().all(|line| line.len() <= COLUMNS), "{lines:?}");
    }
}
