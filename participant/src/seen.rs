//! For tests: a screen whose answers are written down and whose output is kept; and screens as files.

use host::screen::{Form, Screen};
use std::{
    io::{self, Cursor, Write},
    path::Path,
    sync::{Arc, Mutex},
};

/// What a screen has shown.
#[derive(Clone, Default)]
pub(crate) struct Seen {
    out: Buffer,
    err: Buffer,
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Buffer {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Seen {
    /// On standard output.
    pub(crate) fn said(&self) -> String {
        self.out.text()
    }

    /// On standard error.
    pub(crate) fn told(&self) -> String {
        self.err.text()
    }
}

/// A screen that answers with these lines.
pub(crate) fn scripted(answers: &str) -> (Screen, Seen) {
    of_form(Form::Words, answers)
}

pub(crate) fn of_form(form: Form, answers: &str) -> (Screen, Seen) {
    let seen = Seen::default();
    let input = Cursor::new(answers.as_bytes().to_vec());
    let (out, err) = (Box::new(seen.out.clone()), Box::new(seen.err.clone()));
    (Screen::new(form, out, err, Box::new(input)), seen)
}

/// Compares a screen with the file `tests/screens/NAME.txt`, where it can be read as people see it. With
/// `CONCERT_WRITE_SCREENS=1` in the environment the file is written instead.
pub(crate) fn pinned(name: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/screens/{name}.txt"));
    if std::env::var_os("CONCERT_WRITE_SCREENS").is_some() {
        std::fs::write(&file, text).unwrap();
        return;
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(
        text == expected,
        "{} differs; if that is meant: CONCERT_WRITE_SCREENS=1 tests/run -p participant\n--- now\n{text}",
        file.display()
    );
}
