//! From the names in somebody's file to ours.

/// A list of rules that turn the names of a file into parameter names. Rules apply in order, each to the result of the
/// one before.
///
/// ```
/// use dd_nn::{Mapped, NameMap};
/// let map = NameMap::identity()
///     .strip_prefix("model.")
///     .ignore("prior", "a constant of another model")
///     .replace_prefix("output_model_noise", "head");
/// assert_eq!(map.map("model.output_model_noise.0.bias"), Mapped::Name("head.0.bias".into()));
/// assert_eq!(map.map("model.prior.scale"), Mapped::Ignored("a constant of another model"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct NameMap {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone)]
enum Rule {
    StripPrefix(String),
    ReplacePrefix { from: String, to: String },
    Rename { from: String, to: String },
    Ignore { pattern: String, reason: String },
}

/// What a [`NameMap`] makes of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mapped<'a> {
    /// The parameter of this name.
    Name(String),
    /// Nothing of ours, for this reason.
    Ignored(&'a str),
}

impl NameMap {
    /// Names stay as they are.
    pub fn identity() -> Self {
        Self::default()
    }

    /// Removes `prefix` from the names that begin with it.
    #[must_use]
    pub fn strip_prefix(self, prefix: &str) -> Self {
        self.with(Rule::StripPrefix(prefix.into()))
    }

    /// Replaces `from` by `to` in the names that begin with it.
    #[must_use]
    pub fn replace_prefix(self, from: &str, to: &str) -> Self {
        let (from, to) = (from.into(), to.into());
        self.with(Rule::ReplacePrefix { from, to })
    }

    /// Renames one tensor.
    #[must_use]
    pub fn rename(self, from: &str, to: &str) -> Self {
        let (from, to) = (from.into(), to.into());
        self.with(Rule::Rename { from, to })
    }

    /// Leaves out the names that equal `pattern`, or begin with it followed by a dot, or, where `pattern` begins with a
    /// dot, end with it.
    #[must_use]
    pub fn ignore(self, pattern: &str, reason: &str) -> Self {
        let (pattern, reason) = (pattern.into(), reason.into());
        self.with(Rule::Ignore { pattern, reason })
    }

    /// Applies the rules to one name.
    pub fn map(&self, name: &str) -> Mapped<'_> {
        let mut name = name.to_string();
        for rule in &self.rules {
            match rule {
                Rule::StripPrefix(prefix) => {
                    if let Some(rest) = name.strip_prefix(prefix.as_str()) {
                        name = rest.to_string();
                    }
                }
                Rule::ReplacePrefix { from, to } => {
                    if let Some(rest) = name.strip_prefix(from.as_str()) {
                        name = format!("{to}{rest}");
                    }
                }
                Rule::Rename { from, to } => {
                    if name == *from {
                        name.clone_from(to);
                    }
                }
                Rule::Ignore { pattern, reason } => {
                    if matches(pattern, &name) {
                        return Mapped::Ignored(reason);
                    }
                }
            }
        }
        Mapped::Name(name)
    }

    fn with(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    if pattern.starts_with('.') {
        return name.ends_with(pattern);
    }
    name == pattern || is_below(name, pattern)
}

/// Whether a parameter stands below a prefix: `head.weight` below `head`, `header.weight` not.
pub fn is_below(name: &str, prefix: &str) -> bool {
    let rest = name.strip_prefix(prefix);
    rest.is_some_and(|rest| rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_respect_the_dots() {
        for (pattern, name, expected) in [
            ("head", "head", true),
            ("head", "head.weight", true),
            ("head", "header.weight", false),
            (".num_batches_tracked", "norm.1.num_batches_tracked", true),
            (".bias", "weight", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn rules_apply_in_order() {
        let map = NameMap::identity()
            .rename("a", "b")
            .rename("b", "c")
            .replace_prefix("c", "d.");
        assert_eq!(map.map("a"), Mapped::Name("d.".into()));
        assert_eq!(map.map("x"), Mapped::Name("x".into()));
    }
}
