//! CQL2 text, by recursive descent.

use serde_json::{Number, Value};

use super::{Expression, Operand, instant};
use crate::spec::Area;

#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// A bare word: a keyword or a property.
    Word(String),
    /// A property in double quotes.
    Quoted(String),
    Text(String),
    Number(f64),
    Sign(String),
}

/// Reads a condition.
pub(super) fn parse(text: &str) -> Result<Expression, String> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0 };
    let expression = parser.either()?;
    match parser.peek() {
        None => Ok(expression),
        Some(token) => Err(format!("filter: {token:?} after the end")),
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let letters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&letter) = letters.get(at) {
        let run = |from: usize, keep: &dyn Fn(char) -> bool| {
            letters[from..].iter().take_while(|&&letter| keep(letter)).collect::<String>()
        };
        match letter {
            letter if letter.is_whitespace() => at += 1,
            '\'' | '"' => {
                let mut inside = String::new();
                at += 1;
                loop {
                    match letters.get(at) {
                        None => return Err(format!("filter: {letter} isn't closed")),
                        // A doubled quote is one.
                        Some(&quote) if quote == letter && letters.get(at + 1) == Some(&letter) => {
                            inside.push(letter);
                            at += 2;
                        }
                        Some(&quote) if quote == letter => break,
                        Some(&other) => {
                            inside.push(other);
                            at += 1;
                        }
                    }
                }
                at += 1;
                tokens.push(if letter == '"' { Token::Quoted(inside) } else { Token::Text(inside) });
            }
            letter if letter.is_alphabetic() || letter == '_' => {
                // A hyphen is part of a name such as `modis:horizontal-tile`.
                let word = run(at, &|letter| letter.is_alphanumeric() || "_:.-".contains(letter));
                at += word.chars().count();
                tokens.push(Token::Word(word));
            }
            letter if letter.is_ascii_digit() || "+-.".contains(letter) => {
                let number = run(at, &|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter));
                at += number.len();
                tokens.push(Token::Number(number.parse().map_err(|_| format!("filter: `{number}`"))?));
            }
            letter => {
                let pair: String = letters[at..].iter().take(2).collect();
                let sign =
                    if ["<>", "<=", ">="].contains(&pair.as_str()) { pair } else { letter.to_string() };
                if !["<>", "<=", ">=", "=", "<", ">", "(", ")", ","].contains(&sign.as_str()) {
                    return Err(format!("filter: `{sign}`"));
                }
                at += sign.len();
                tokens.push(Token::Sign(sign));
            }
        }
    }
    Ok(tokens)
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn next(&mut self) -> Result<Token, String> {
        let token = self.peek().cloned().ok_or("filter: it ends too early")?;
        self.at += 1;
        Ok(token)
    }

    /// Takes a keyword, in either case, if it is next.
    fn word(&mut self, keyword: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Word(word)) if word.eq_ignore_ascii_case(keyword));
        self.at += usize::from(is);
        is
    }

    fn sign(&mut self, sign: &str) -> bool {
        let is = matches!(self.peek(), Some(Token::Sign(found)) if found == sign);
        self.at += usize::from(is);
        is
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        if self.sign(sign) { Ok(()) } else { Err(format!("filter: `{sign}` is missing")) }
    }

    fn either(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.both()?];
        while self.word("or") {
            parts.push(self.both()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::Or(parts) })
    }

    fn both(&mut self) -> Result<Expression, String> {
        let mut parts = vec![self.one()?];
        while self.word("and") {
            parts.push(self.one()?);
        }
        Ok(if parts.len() == 1 { parts.remove(0) } else { Expression::And(parts) })
    }

    fn one(&mut self) -> Result<Expression, String> {
        if self.word("not") {
            return Ok(Expression::Not(Box::new(self.one()?)));
        }
        if self.sign("(") {
            let inside = self.either()?;
            self.expect(")")?;
            return Ok(inside);
        }
        if self.word("s_intersects") {
            return self.intersects();
        }
        let left = self.operand()?;
        let negated = self.word("not");
        let predicate = self.predicate(left, negated)?;
        Ok(if negated { Expression::Not(Box::new(predicate)) } else { predicate })
    }

    fn predicate(&mut self, left: Operand, negated: bool) -> Result<Expression, String> {
        if self.word("like") {
            return match self.next()? {
                Token::Text(pattern) => Ok(Expression::Like(left, pattern)),
                other => Err(format!("filter: LIKE wants a text, not {other:?}")),
            };
        }
        if self.word("in") {
            self.expect("(")?;
            let mut list = vec![self.operand()?];
            while self.sign(",") {
                list.push(self.operand()?);
            }
            self.expect(")")?;
            return Ok(Expression::In(left, list));
        }
        if self.word("between") {
            let low = self.operand()?;
            if !self.word("and") {
                return Err("filter: BETWEEN wants AND".into());
            }
            return Ok(Expression::Between(left, low, self.operand()?));
        }
        if !negated && self.word("is") {
            let negated = self.word("not");
            if !self.word("null") {
                return Err("filter: IS wants NULL".into());
            }
            let empty = Expression::IsNull(left);
            return Ok(if negated { Expression::Not(Box::new(empty)) } else { empty });
        }
        match self.next()? {
            Token::Sign(sign) if !negated && !["(", ")", ","].contains(&sign.as_str()) => {
                Ok(Expression::Compare(sign, left, self.operand()?))
            }
            other => Err(format!("filter: {other:?} compares nothing")),
        }
    }

    fn operand(&mut self) -> Result<Operand, String> {
        Ok(match self.next()? {
            Token::Text(text) => Operand::Constant(text.into()),
            Token::Number(number) => Operand::Constant(whole(number)),
            Token::Quoted(name) => Operand::Property(name),
            Token::Word(word) => match word.to_ascii_lowercase().as_str() {
                "true" => Operand::Constant(true.into()),
                "false" => Operand::Constant(false.into()),
                call @ ("timestamp" | "date") if self.sign("(") => {
                    let Token::Text(text) = self.next()? else {
                        return Err(format!("filter: {call} of no text"));
                    };
                    self.expect(")")?;
                    let time = if call == "date" { format!("{text}T00:00:00Z") } else { text };
                    Operand::Constant(instant(&time)?)
                }
                _ => Operand::Property(word),
            },
            Token::Sign(sign) => return Err(format!("filter: `{sign}` is no operand")),
        })
    }

    /// The rest of `S_INTERSECTS(geometry, WKT)`.
    fn intersects(&mut self) -> Result<Expression, String> {
        self.expect("(")?;
        self.operand()?;
        self.expect(",")?;
        let Token::Word(_) = self.next()? else { return Err("filter: no geometry in WKT".into()) };
        let mut numbers = Vec::new();
        let mut depth = 0;
        loop {
            match self.next()? {
                Token::Sign(sign) if sign == "(" => depth += 1,
                Token::Sign(sign) if sign == ")" => {
                    depth -= 1;
                    if depth == 0 {
                        break;
                    }
                }
                Token::Number(number) => numbers.push(number),
                Token::Sign(_) => {}
                other => return Err(format!("filter: {other:?} in WKT")),
            }
        }
        self.expect(")")?;
        let points: Vec<(f64, f64)> = numbers.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect();
        let area = Area::around(points.into_iter()).ok_or("filter: WKT without points")?;
        Ok(Expression::Meets(area))
    }
}

/// A number as JSON would have it: an integer without a point.
fn whole(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() < 9e15 {
        return Value::from(number as i64);
    }
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}
