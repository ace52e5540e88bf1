//! What a shell makes of a line, as far as the documents go: quotes, comments, pipes, lists, redirection, variables.

/// Commands joined by pipes.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Pipeline {
    /// The words of each command; settings such as `NAME=value` before the first are left out.
    pub(crate) stages: Vec<Vec<String>>,
    /// `> FILE`.
    pub(crate) output: Option<String>,
    /// `&` at the end.
    pub(crate) background: bool,
}

/// The pipelines of a line; `&&` and `;` join them.
pub(crate) fn read(line: &str) -> Vec<Pipeline> {
    let mut pipelines = vec![Pipeline::default()];
    let mut stage: Vec<String> = Vec::new();
    let mut tokens = tokens(line).into_iter().peekable();
    while let Some(token) = tokens.next() {
        let now = pipelines.last_mut().unwrap();
        match token {
            Token::Word(word) if stage.is_empty() && now.stages.is_empty() && is_setting(&word) => {
            }
            Token::Word(word) => stage.push(word),
            Token::Sign('>') => {
                let Some(Token::Word(file)) = tokens.next() else {
                    panic!("nothing after > in {line}");
                };
                now.output = Some(file);
            }
            Token::Sign('|') => now.stages.push(std::mem::take(&mut stage)),
            Token::Sign(sign) => {
                now.stages.push(std::mem::take(&mut stage));
                now.background = sign == '&';
                if tokens.peek().is_some() {
                    pipelines.push(Pipeline::default());
                }
            }
        }
    }
    if !stage.is_empty() {
        pipelines.last_mut().unwrap().stages.push(stage);
    }
    pipelines
}

fn is_setting(word: &str) -> bool {
    let name = word.split_once('=').map(|(name, _)| name);
    name.is_some_and(|name| name.chars().all(|c| c.is_ascii_uppercase() || c == '_'))
}

enum Token {
    Word(String),
    /// `|`, `>`, `&`, or `;` (also for `&&`).
    Sign(char),
}

fn tokens(line: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut word: Option<String> = None;
    let mut letters = line.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match letters.next() {
                        Some(next) if next == letter => break,
                        Some(next) => word.push(next),
                        None => panic!("a quote is not closed in {line}"),
                    }
                }
            }
            '#' if word.is_none() => break,
            ' ' => tokens.extend(word.take().map(Token::Word)),
            '|' | '>' | '&' | ';' => {
                tokens.extend(word.take().map(Token::Word));
                let list = letter == '&' && letters.next_if_eq(&'&').is_some();
                tokens.push(Token::Sign(if list { ';' } else { letter }));
            }
            _ => word.get_or_insert_default().push(letter),
        }
    }
    tokens.extend(word.map(Token::Word));
    tokens
}

#[test]
fn a_line_is_read_as_a_shell_reads_it() {
    let words = |text: &str| text.split(' ').map(String::from).collect::<Vec<_>>();
    let found = read("A_B=1 printf 'CCO\\nC1 C\\n' | dnd embed -i - > x  # a > comment");
    let [one] = &found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(one.stages[0], ["printf", "CCO\\nC1 C\\n"]);
    assert_eq!(one.stages[1], words("dnd embed -i -"));
    assert_eq!(one.output.as_deref(), Some("x"));
    let found = read("tar -x a && cd \"b\"c; dnd serve CC#N &");
    assert_eq!(found.len(), 3);
    assert_eq!(found[1].stages, [words("cd bc")]);
    assert_eq!(found[2].stages, [words("dnd serve CC#N")]);
    assert!(found[2].background && !found[1].background);
}
