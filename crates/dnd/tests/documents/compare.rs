//! Whether a command printed what its block shows.

/// How numbers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Numbers {
    /// Whole ones are equal, others within rounding.
    Close,
    /// Anything goes: the block shows another table than the test has.
    Any,
}

const ABSOLUTE: f64 = 1e-5;
const RELATIVE: f64 = 2e-3;

/// The first line that differs. Seconds (`0.2 s`) are never compared; a shown line `...` is any number of lines; notes about
/// another table than the block's are not looked at.
pub(crate) fn difference(shown: &str, printed: &str, numbers: Numbers) -> Option<String> {
    let lines = |text: &str| -> Vec<String> {
        let lines = text.trim_end().lines().map(str::trim_end);
        let looked_at = |line: &&str| numbers == Numbers::Close || !line.starts_with("note: ");
        lines.filter(looked_at).map(String::from).collect()
    };
    let printed = lines(printed);
    let mut printed = printed.iter().peekable();
    let mut any = false;
    for line in lines(shown) {
        if line == "..." {
            any = true;
            continue;
        }
        if std::mem::take(&mut any) {
            while printed
                .next_if(|next| !same_line(&line, next, numbers))
                .is_some()
            {}
        }
        match printed.next() {
            Some(next) if same_line(&line, next, numbers) => {}
            next => {
                let next = next.map_or("(nothing)", String::as_str);
                return Some(format!("shown:   {line}\nprinted: {next}"));
            }
        }
    }
    let rest = printed.next().filter(|_| !any);
    rest.map(|line| format!("shown:   (nothing)\nprinted: {line}"))
}

fn same_line(a: &str, b: &str, numbers: Numbers) -> bool {
    let (a, b) = (pieces(a), pieces(b));
    a.len() == b.len()
        && a.windows(2)
            .chain(a.last().map(std::slice::from_ref))
            .zip(b.iter())
            .all(|(a, b)| {
                let seconds = matches!(a, [_, Piece::Text(next)] if is_seconds(next));
                seconds && matches!(b, Piece::Number(_)) || same_piece(&a[0], b, numbers)
            })
}

fn is_seconds(next: &str) -> bool {
    let rest = next.strip_prefix(" s");
    rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric()))
}

fn same_piece(a: &Piece, b: &Piece, numbers: Numbers) -> bool {
    match (a, b) {
        (Piece::Text(a), Piece::Text(b)) => a == b,
        (Piece::Number(_), Piece::Number(_)) if numbers == Numbers::Any => true,
        (Piece::Number(a), Piece::Number(b)) => {
            let whole = |text: &str| text.chars().all(|c| c.is_ascii_digit());
            if whole(a) && whole(b) {
                return a == b;
            }
            let [a, b] = [a, b].map(|text| text.parse::<f64>().unwrap());
            (a - b).abs() <= ABSOLUTE + RELATIVE * a.abs()
        }
        _ => false,
    }
}

#[derive(Debug, PartialEq)]
enum Piece {
    Text(String),
    Number(String),
}

/// Text and numbers in turn. A minus after a letter, a digit or a bracket is text.
fn pieces(line: &str) -> Vec<Piece> {
    let letters: Vec<char> = line.chars().collect();
    let (mut pieces, mut text, mut at) = (Vec::new(), String::new(), 0);
    while at < letters.len() {
        let before = at.checked_sub(1).map(|before| letters[before]);
        let minus = letters[at] == '-' && before.is_none_or(|c| matches!(c, ' ' | ',' | '[' | ':'));
        let start = at + usize::from(minus);
        let digits = |from: usize| {
            let run = letters[from.min(letters.len())..].iter();
            from + run.take_while(|c| c.is_ascii_digit()).count()
        };
        let mut end = digits(start);
        if end == start {
            text.push(letters[at]);
            at += 1;
            continue;
        }
        if letters.get(end) == Some(&'.') && digits(end + 1) > end + 1 {
            end = digits(end + 1);
        }
        if letters.get(end) == Some(&'e') {
            let sign = usize::from(letters.get(end + 1) == Some(&'-'));
            let exponent = digits(end + 1 + sign);
            if exponent > end + 1 + sign {
                end = exponent;
            }
        }
        if !text.is_empty() {
            pieces.push(Piece::Text(std::mem::take(&mut text)));
        }
        pieces.push(Piece::Number(letters[at..end].iter().collect()));
        at = end;
    }
    if !text.is_empty() {
        pieces.push(Piece::Text(text));
    }
    pieces
}

#[test]
fn numbers_are_close_words_are_equal() {
    let differ = |a, b| difference(a, b, Numbers::Close).is_some();
    assert!(!differ(
        "4 rows: 0.0037023425, 0.2 s",
        "4 rows: 0.0037023, 17 s"
    ));
    assert!(!differ("d: 5.9604645e-8 \n", "d: 0.0"));
    assert!(differ("4 rows", "5 rows") && differ("4 rows", "4 lines"));
    assert!(differ("x 0.5", "x 0.6") && differ("x -0.5", "x 0.5"));
    assert!(differ("a\nb", "a") && differ("a", "a\nb"));
    assert!(differ("0.2 steps", "0.3 steps"));
    assert!(!differ("a\n...\nc", "a\nx\ny\nc") && !differ("a\n...", "a\nb\nc"));
    assert!(differ("a\n...\nc", "a\nx") && differ("a\n...\nc", "a\nc\nd"));
    assert!(difference("r2 -0.5 of 113", "r2 0.5 of 7", Numbers::Any).is_none());
    assert!(difference("r2 -0.5 of 113", "r2 none of 7", Numbers::Any).is_some());
}
