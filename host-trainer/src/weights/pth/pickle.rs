//! A reader of the part of Python's pickle language (protocol 2) that `torch.save` writes for
//! numbers by name. It builds inert objects and calls nothing.
//!
//! Own code because the crates that read torch's persistent ids come with a tensor library of
//! their own (candle, burn); the operations are those of Python's `pickletools`.

use std::collections::HashMap;

use super::objects::{Callable, Id, Object, Objects};
use super::tensor::{Storage, View};

/// Objects that one pickle may make: a large network's checkpoint has some ten thousand.
const MOST_OBJECTS: usize = 500_000;
/// Longest text, in bytes.
const LONGEST_TEXT: usize = 4096;
/// Longest name of a storage, in bytes; torch counts them.
const LONGEST_KEY: usize = 32;

/// Reads one pickle from the start of `bytes`. Gives its objects, the one it stands for, and
/// how many bytes it took.
pub(super) fn read(bytes: &[u8]) -> Result<(Objects, Id, usize), String> {
    let mut machine = Machine {
        bytes,
        at: 0,
        objects: Objects::default(),
        stack: Vec::new(),
        marks: Vec::new(),
        memo: HashMap::new(),
    };
    let root = machine.run()?;
    Ok((machine.objects, root, machine.at))
}

struct Machine<'a> {
    bytes: &'a [u8],
    at: usize,
    objects: Objects,
    stack: Vec<Id>,
    /// Heights of the stack.
    marks: Vec<usize>,
    memo: HashMap<u32, Id>,
}

impl Machine<'_> {
    fn run(&mut self) -> Result<Id, String> {
        loop {
            let [code] = self.take()?;
            match code {
                b'.' => return self.pop(),
                0x80 => match self.take()? {
                    [2 | 3] => {}
                    [other] => {
                        return Err(format!(
                            "its pickle has protocol {other}; torch.save's own, 2, is read"
                        ));
                    }
                },
                b'N' => self.push(Object::Other)?,
                0x88 => self.push(Object::Boolean(true))?,
                0x89 => self.push(Object::Boolean(false))?,
                b'J' => {
                    let value = i32::from_le_bytes(self.take()?);
                    self.push(Object::Integer(value.into()))?;
                }
                b'K' => {
                    let [value] = self.take()?;
                    self.push(Object::Integer(value.into()))?;
                }
                b'M' => {
                    let value = u16::from_le_bytes(self.take()?);
                    self.push(Object::Integer(value.into()))?;
                }
                0x8a => self.long()?,
                b'G' => {
                    let _: [u8; 8] = self.take()?;
                    self.push(Object::Other)?;
                }
                b'X' => {
                    let length = u32::from_le_bytes(self.take()?);
                    self.text(length as usize)?;
                }
                b'U' => {
                    let [length] = self.take()?;
                    self.text(length.into())?;
                }
                b'(' => self.marks.push(self.stack.len()),
                b')' | b']' => self.push(Object::Sequence(Vec::new()))?,
                b'}' => self.push(Object::Dictionary(Vec::new()))?,
                b't' => {
                    let items = self.pop_to_mark()?;
                    self.push(Object::Sequence(items))?;
                }
                0x85..=0x87 => {
                    let height = self.stack.len().checked_sub(usize::from(code - 0x84));
                    let items = self.stack.split_off(height.ok_or_else(malformed)?);
                    self.push(Object::Sequence(items))?;
                }
                b'a' => {
                    let item = self.pop()?;
                    self.extend(&[item])?;
                }
                b'e' => {
                    let items = self.pop_to_mark()?;
                    self.extend(&items)?;
                }
                b's' => {
                    let value = self.pop()?;
                    let key = self.pop()?;
                    self.set(&[key, value])?;
                }
                b'u' => {
                    let items = self.pop_to_mark()?;
                    self.set(&items)?;
                }
                b'q' => {
                    let [place] = self.take()?;
                    self.remember(place.into())?;
                }
                b'r' => {
                    let place = u32::from_le_bytes(self.take()?);
                    self.remember(place)?;
                }
                b'h' => {
                    let [place] = self.take()?;
                    self.recall(place.into())?;
                }
                b'j' => {
                    let place = u32::from_le_bytes(self.take()?);
                    self.recall(place)?;
                }
                b'c' => {
                    let (module, name) = (self.line()?, self.line()?);
                    let callable = Callable::named(&module, &name)?;
                    self.push(Object::Callable(callable))?;
                }
                b'Q' => self.storage()?,
                b'R' | 0x81 => self.call()?,
                // Attributes, such as a state dict's `_metadata`: nothing here asks for them.
                b'b' => {
                    self.pop()?;
                    self.peek()?;
                }
                other => {
                    return Err(format!(
                        "its pickle uses the operation 0x{other:02x}, which torch.save does not \
                         write for numbers"
                    ));
                }
            }
        }
    }

    fn slice(&mut self, length: usize) -> Result<&[u8], String> {
        let end = self.at.checked_add(length).ok_or_else(malformed)?;
        let slice = self.bytes.get(self.at..end).ok_or_else(cut_off)?;
        self.at = end;
        Ok(slice)
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], String> {
        self.slice(N)?.try_into().map_err(|_| cut_off())
    }

    fn line(&mut self) -> Result<String, String> {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().take(LONGEST_TEXT).position(|b| *b == b'\n');
        let line = self.slice(length.ok_or_else(malformed)?)?.to_vec();
        self.at += 1;
        String::from_utf8(line).map_err(|_| malformed())
    }

    fn text(&mut self, length: usize) -> Result<(), String> {
        if length > LONGEST_TEXT {
            return Err(format!(
                "its pickle has a text of {length} bytes; {LONGEST_TEXT} at most are read"
            ));
        }
        let text = self.slice(length)?.to_vec();
        self.push(Object::Text(
            String::from_utf8(text).map_err(|_| malformed())?,
        ))
    }

    fn long(&mut self) -> Result<(), String> {
        let [length] = self.take()?;
        let digits = self.slice(length.into())?;
        let negative = digits.last().is_some_and(|last| last & 0x80 != 0);
        let mut whole = [if negative { 0xff } else { 0 }; 8];
        let object = match whole.get_mut(..digits.len()) {
            Some(low) => {
                low.copy_from_slice(digits);
                Object::Integer(i64::from_le_bytes(whole))
            }
            None => Object::Other,
        };
        self.push(object)
    }

    fn push(&mut self, object: Object) -> Result<(), String> {
        if self.objects.len() >= MOST_OBJECTS {
            return Err(format!(
                "its pickle makes more than {MOST_OBJECTS} objects; no network's weights do"
            ));
        }
        self.stack.push(self.objects.add(object));
        Ok(())
    }

    /// The stack above the last mark is what can be taken.
    fn pop(&mut self) -> Result<Id, String> {
        if self.stack.len() <= self.marks.last().copied().unwrap_or(0) {
            return Err(malformed());
        }
        self.stack.pop().ok_or_else(malformed)
    }

    fn peek(&self) -> Result<Id, String> {
        self.stack.last().copied().ok_or_else(malformed)
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, String> {
        let height = self.marks.pop().ok_or_else(malformed)?;
        if height > self.stack.len() {
            return Err(malformed());
        }
        Ok(self.stack.split_off(height))
    }

    fn extend(&mut self, items: &[Id]) -> Result<(), String> {
        let list = self.peek()?;
        match self.objects.get_mut(list) {
            Some(Object::Sequence(list)) => list.extend(items),
            _ => return Err(malformed()),
        }
        Ok(())
    }

    fn set(&mut self, items: &[Id]) -> Result<(), String> {
        let dictionary = self.peek()?;
        let (pairs, rest) = items.as_chunks::<2>();
        match self.objects.get_mut(dictionary) {
            Some(Object::Dictionary(entries)) if rest.is_empty() => {
                entries.extend(pairs.iter().map(|[key, value]| (*key, *value)));
            }
            _ => return Err(malformed()),
        }
        Ok(())
    }

    fn remember(&mut self, place: u32) -> Result<(), String> {
        let top = self.peek()?;
        self.memo.insert(place, top);
        Ok(())
    }

    fn recall(&mut self, place: u32) -> Result<(), String> {
        self.stack
            .push(*self.memo.get(&place).ok_or_else(malformed)?);
        Ok(())
    }

    /// A persistent id: `('storage', type, key, device, elements)`, in the old format followed
    /// by None.
    fn storage(&mut self) -> Result<(), String> {
        let id = self.pop()?;
        let objects = &self.objects;
        let made = (|| {
            let items = objects.sequence(id)?;
            let [tag, kind, key, _device, elements, view @ ..] = items else {
                return None;
            };
            let Object::Callable(Callable::Storage(element)) = objects.get(*kind) else {
                return None;
            };
            let whole = view.iter().all(|v| *objects.get(*v) == Object::Other);
            let key = objects.text(*key)?;
            let named = objects.text(*tag)? == "storage" && key.len() <= LONGEST_KEY;
            (named && whole).then_some(())?;
            Some(Storage {
                key: key.into(),
                element: *element,
                elements: objects.length(*elements)?,
            })
        })();
        let storage = made.ok_or("its pickle refers to something that is no whole storage")?;
        self.push(Object::Storage(storage))
    }

    fn call(&mut self) -> Result<(), String> {
        let arguments = self.pop()?;
        let callable = self.pop()?;
        let objects = &self.objects;
        let Object::Callable(callable) = objects.get(callable) else {
            return Err(malformed());
        };
        let arguments = objects.sequence(arguments).ok_or_else(malformed)?;
        let object = match callable {
            Callable::Inert => Some(Object::Other),
            Callable::Storage(_) => None,
            Callable::OrderedDictionary if arguments.is_empty() => {
                Some(Object::Dictionary(Vec::new()))
            }
            Callable::OrderedDictionary => None,
            Callable::Tensor => view(objects, arguments).map(Object::Tensor),
            Callable::Parameter => match arguments.first().map(|first| objects.get(*first)) {
                Some(Object::Tensor(view)) => Some(Object::Tensor(view.clone())),
                _ => None,
            },
        };
        let object = object.ok_or("its pickle calls something with arguments it does not take")?;
        self.push(object)
    }
}

/// `_rebuild_tensor_v2(storage, offset, size, stride, …)`.
fn view(objects: &Objects, arguments: &[Id]) -> Option<View> {
    let [storage, offset, shape, strides, ..] = arguments else {
        return None;
    };
    let Object::Storage(storage) = objects.get(*storage) else {
        return None;
    };
    Some(View {
        storage: storage.clone(),
        offset: objects.length(*offset)?,
        shape: objects.lengths(*shape)?,
        strides: objects.lengths(*strides)?,
    })
}

fn malformed() -> String {
    "its pickle is malformed".into()
}

fn cut_off() -> String {
    "it is cut off before its end".into()
}

#[cfg(test)]
#[path = "pickle_tests.rs"]
mod tests;
