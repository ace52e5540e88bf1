//! The stack machine of pickles.

use std::collections::HashMap;

use super::bytes::Bytes;
use super::rebuild::{apply, is_dictionary, persistent};
use super::value::{Id, Object, Value, Values};
use crate::error::{Result, TorchError};

/// A pickle that has been read.
#[derive(Debug)]
pub(crate) struct Pickle {
    pub(crate) values: Values,
    pub(crate) root: Id,
    /// The first byte behind it.
    pub(crate) end: usize,
}

/// Reads the pickle that begins at `start`; `place` names it in messages.
pub(crate) fn read(bytes: &[u8], start: usize, place: &'static str) -> Result<Pickle> {
    let mut machine = Machine {
        input: Bytes::new(bytes, start),
        values: Values::default(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
        copies: Values::LIMIT,
    };
    loop {
        let position = machine.input.position();
        match machine.step() {
            Ok(None) => {}
            Ok(Some(root)) => {
                return Ok(Pickle {
                    root,
                    end: machine.input.position(),
                    values: machine.values,
                });
            }
            Err(reason) => {
                return Err(TorchError::Pickle {
                    place,
                    position,
                    reason,
                });
            }
        }
    }
}

type Step<T> = std::result::Result<T, String>;

struct Machine<'a> {
    input: Bytes<'a>,
    values: Values,
    stack: Vec<Id>,
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
    /// How many more pairs may be copied from lists into dictionaries.
    copies: usize,
}

fn cut<T>(read: Option<T>) -> Step<T> {
    read.ok_or_else(|| "the pickle ends here, in the middle of an instruction".to_string())
}

impl Machine<'_> {
    /// Carries out one instruction; the object of the pickle after the last one.
    fn step(&mut self) -> Step<Option<Id>> {
        let opcode = cut(self.input.u8())?;
        match opcode {
            b'.' => return self.pop().map(Some),
            0x80 => self.protocol()?,
            0x95 => drop(cut(self.input.take(8))?),
            b'(' => self.marks.push(self.stack.len()),
            b'0' => drop(self.pop()?),
            b'1' => drop(self.above_mark()?),
            b'2' => {
                let top = self.top()?;
                self.stack.push(top);
            }
            b'N' => self.push(Value::None)?,
            0x88 => self.push(Value::Bool(true))?,
            0x89 => self.push(Value::Bool(false))?,
            b'I' | b'L' | b'F' => self.number_in_words(opcode)?,
            b'J' => {
                let value = cut(self.input.i32())?;
                self.push(Value::Int(value.into()))?;
            }
            b'K' => {
                let value = cut(self.input.u8())?;
                self.push(Value::Int(value.into()))?;
            }
            b'M' => {
                let value = cut(self.input.u16())?;
                self.push(Value::Int(value.into()))?;
            }
            0x8a => self.long(1)?,
            0x8b => self.long(4)?,
            b'G' => {
                let value = cut(self.input.f64())?;
                self.push(Value::Float(value))?;
            }
            b'X' => self.text(4)?,
            0x8c => self.text(1)?,
            0x8d => self.text(8)?,
            b'T' => self.text_or_bytes(4)?,
            b'U' => self.text_or_bytes(1)?,
            b'V' | b'S' => {
                let line = cut(self.input.line())?;
                self.push(Value::Text(line.trim_matches(['\'', '"']).into()))?;
            }
            b'B' => self.bytes(4)?,
            b'C' => self.bytes(1)?,
            0x8e | 0x96 => self.bytes(8)?,
            b']' | 0x8f => self.push(Value::List(Vec::new()))?,
            b'l' => {
                let items = self.above_mark()?;
                self.push(Value::List(items))?;
            }
            b')' => self.push(Value::Tuple(Box::default()))?,
            b't' | 0x91 => {
                let items = self.above_mark()?;
                self.push(Value::Tuple(items.into()))?;
            }
            0x85..=0x87 => {
                let items = self.last(usize::from(opcode - 0x84))?;
                self.push(Value::Tuple(items.into()))?;
            }
            b'}' => self.push(Value::Dict(Vec::new()))?,
            b'd' => {
                let items = self.above_mark()?;
                self.push(Value::Dict(Vec::new()))?;
                self.set_items(&items)?;
            }
            b'a' => {
                let item = self.pop()?;
                self.append(&[item])?;
            }
            b'e' | 0x90 => {
                let items = self.above_mark()?;
                self.append(&items)?;
            }
            b's' => {
                let pair = self.last(2)?;
                self.set_items(&pair)?;
            }
            b'u' => {
                let items = self.above_mark()?;
                self.set_items(&items)?;
            }
            b'p' | b'q' | b'r' | 0x94 => self.remember(opcode)?,
            b'g' | b'h' | b'j' => self.recall(opcode)?,
            _ => self.construct(opcode)?,
        }
        Ok(None)
    }

    /// The instructions that build objects of classes.
    fn construct(&mut self, opcode: u8) -> Step<()> {
        match opcode {
            b'c' => {
                let path = (
                    cut(self.input.line())?.into(),
                    cut(self.input.line())?.into(),
                );
                self.push(Value::Global(Box::new(path)))
            }
            0x93 => {
                let pair = self.last(2)?;
                let text = |id| self.values.text(id).map(ToString::to_string);
                let (Some(module), Some(name)) = (text(pair[0]), text(pair[1])) else {
                    return Err("the name of a class is no text".into());
                };
                self.push(Value::Global(Box::new((module, name))))
            }
            b'R' => {
                let pair = self.last(2)?;
                self.call(pair[0], pair[1])
            }
            0x81 => {
                let pair = self.last(2)?;
                self.object(pair[0], pair[1])
            }
            0x92 => {
                let parts = self.last(3)?;
                self.object(parts[0], parts[1])
            }
            b'i' => {
                let path = (
                    cut(self.input.line())?.into(),
                    cut(self.input.line())?.into(),
                );
                let arguments = self.above_mark()?;
                let class = self.add(Value::Global(Box::new(path)))?;
                let arguments = self.add(Value::Tuple(arguments.into()))?;
                self.object(class, arguments)
            }
            b'o' => {
                let mut items = self.above_mark()?;
                if items.is_empty() {
                    return Err("an object has no class".into());
                }
                let class = items.remove(0);
                let arguments = self.add(Value::Tuple(items.into()))?;
                self.object(class, arguments)
            }
            b'b' => {
                let state = self.pop()?;
                let top = self.top()?;
                if let Value::Object(object) = self.values.get_mut(top) {
                    object.state = Some(state);
                }
                Ok(())
            }
            b'Q' => {
                let id = self.pop()?;
                let value = persistent(&self.values, id)?;
                self.push(value)
            }
            b'P' => Err("a storage is named in words, which PyTorch never wrote".into()),
            _ => Err(format!("there is no instruction {opcode:#04x}")),
        }
    }

    fn protocol(&mut self) -> Step<()> {
        match cut(self.input.u8())? {
            0..=5 => Ok(()),
            other => Err(format!("protocol {other}; 0 to 5 are known")),
        }
    }

    fn add(&mut self, value: Value) -> Step<Id> {
        let id = self.values.add(value);
        id.ok_or_else(|| format!("more than {} objects", Values::LIMIT))
    }

    fn push(&mut self, value: Value) -> Step<()> {
        let id = self.add(value)?;
        self.stack.push(id);
        Ok(())
    }

    /// The lowest place on the stack that may be taken: above the last mark.
    fn floor(&self) -> usize {
        self.marks.last().copied().unwrap_or(0)
    }

    fn top(&self) -> Step<Id> {
        let top = self.stack[self.floor()..].last();
        top.copied().ok_or_else(|| "the stack is empty".into())
    }

    fn pop(&mut self) -> Step<Id> {
        let top = self.top()?;
        self.stack.pop();
        Ok(top)
    }

    fn last(&mut self, count: usize) -> Step<Vec<Id>> {
        if self.stack.len() - self.floor() < count {
            return Err("the stack is empty".into());
        }
        Ok(self.stack.split_off(self.stack.len() - count))
    }

    fn above_mark(&mut self) -> Step<Vec<Id>> {
        let mark = self.marks.pop().ok_or("no mark is set")?;
        Ok(self.stack.split_off(mark))
    }

    fn number_in_words(&mut self, opcode: u8) -> Step<()> {
        let line = cut(self.input.line())?;
        let digits = line.trim_end_matches('L');
        let value = match (opcode, line) {
            (b'I', "01") => Some(Value::Bool(true)),
            (b'I', "00") => Some(Value::Bool(false)),
            (b'F', _) => line.parse().ok().map(Value::Float),
            _ => digits.parse().ok().map(Value::Int),
        };
        self.push(value.ok_or_else(|| format!("{line:?} is no number"))?)
    }

    fn long(&mut self, width: usize) -> Step<()> {
        let bytes = cut(self.input.counted(width))?;
        let value = if bytes.len() <= 8 {
            let negative = bytes.last().is_some_and(|&byte| byte & 0x80 != 0);
            let mut whole = [if negative { 0xff } else { 0 }; 8];
            whole[..bytes.len()].copy_from_slice(bytes);
            Value::Int(i64::from_le_bytes(whole))
        } else {
            Value::BigInt
        };
        self.push(value)
    }

    fn text(&mut self, width: usize) -> Step<()> {
        let bytes = cut(self.input.counted(width))?;
        let text = std::str::from_utf8(bytes).map_err(|_| "a text is not UTF-8")?;
        self.push(Value::Text(text.into()))
    }

    /// What Python 2 wrote for either.
    fn text_or_bytes(&mut self, width: usize) -> Step<()> {
        let bytes = cut(self.input.counted(width))?;
        let value =
            std::str::from_utf8(bytes).map_or(Value::Bytes, |text| Value::Text(text.into()));
        self.push(value)
    }

    fn bytes(&mut self, width: usize) -> Step<()> {
        cut(self.input.counted(width))?;
        self.push(Value::Bytes)
    }

    fn append(&mut self, new: &[Id]) -> Step<()> {
        let top = self.top()?;
        match self.values.get_mut(top) {
            Value::List(items) => items.extend_from_slice(new),
            // A class that acts as a list: nothing of ours.
            Value::Object(_) => {}
            _ => return Err("items are added to what is no list".into()),
        }
        Ok(())
    }

    fn set_items(&mut self, items: &[Id]) -> Step<()> {
        if !items.len().is_multiple_of(2) {
            return Err("a key has no value".into());
        }
        let top = self.top()?;
        let pairs = match self.values.get_mut(top) {
            Value::Dict(pairs) => pairs,
            Value::Object(object) => &mut object.pairs,
            _ => return Err("keys are set in what is no dictionary".into()),
        };
        pairs.extend(items.chunks_exact(2).map(|pair| (pair[0], pair[1])));
        Ok(())
    }

    fn remember(&mut self, opcode: u8) -> Step<()> {
        let key = match opcode {
            b'p' => cut(self.input.line())?
                .parse()
                .map_err(|_| "a memo without a number")?,
            b'q' => cut(self.input.u8())?.into(),
            b'r' => cut(self.input.u32())?,
            _ => self.memo.len() as u32,
        };
        let top = self.top()?;
        self.memo.insert(key, top);
        Ok(())
    }

    fn recall(&mut self, opcode: u8) -> Step<()> {
        let key = match opcode {
            b'g' => cut(self.input.line())?
                .parse()
                .map_err(|_| "a memo without a number")?,
            b'h' => cut(self.input.u8())?.into(),
            _ => cut(self.input.u32())?,
        };
        let value = self.memo.get(&key);
        let value = value.ok_or_else(|| format!("nothing was kept under number {key}"))?;
        self.stack.push(*value);
        Ok(())
    }

    fn object(&mut self, class: Id, arguments: Id) -> Step<()> {
        // `OrderedDict.__new__(OrderedDict)` and its like are dictionaries.
        let path = self.values.global(class);
        let is_empty = self.values.items(arguments).is_none_or(<[Id]>::is_empty);
        if is_empty && path.is_some_and(is_dictionary) {
            return self.push(Value::Dict(Vec::new()));
        }
        self.push(Value::Object(Box::new(Object {
            class,
            arguments,
            state: None,
            pairs: Vec::new(),
        })))
    }

    fn call(&mut self, function: Id, arguments: Id) -> Step<()> {
        let items = self.values.items(arguments);
        let items = items.ok_or("the arguments of a call are no tuple")?;
        let Some(value) = apply(&self.values, function, items)? else {
            return self.object(function, arguments);
        };
        if let Value::Dict(pairs) = &value {
            // The same list can be copied again and again.
            let left = self.copies.checked_sub(pairs.len());
            self.copies = left.ok_or("the same list becomes too many dictionaries")?;
        }
        self.push(value)
    }
}
