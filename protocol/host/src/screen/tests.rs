use super::*;
use std::{
    io::Cursor,
    sync::{Arc, Mutex},
};

/// A stream that a test can read.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn screen(form: Form, input: &str) -> (Screen, Paper, Paper) {
    let (out, err) = (Paper::default(), Paper::default());
    let input = Box::new(Cursor::new(input.to_owned().into_bytes()));
    (Screen::new(form, Box::new(out.clone()), Box::new(err.clone()), input), out, err)
}

#[derive(Serialize)]
struct Fields {
    enrolled: u32,
}

#[test]
fn words_for_people_are_events_for_programs() {
    let (mut people, out, err) = screen(Form::Words, "");
    people.event("enrolled", &Fields { enrolled: 3 }, "3 people have enrolled");
    people.say("more");
    people.note("a warning");
    assert_eq!((&*out.text(), &*err.text()), ("3 people have enrolled\nmore\n", "a warning\n"));

    let (mut programs, out, err) = screen(Form::Json, "");
    programs.event("enrolled", &Fields { enrolled: 3 }, "3 people have enrolled");
    programs.say("more");
    programs.note("a warning");
    assert_eq!(out.text(), "{\"schema\":1,\"event\":\"enrolled\",\"enrolled\":3}\n");
    assert_eq!(err.text(), "");
}

#[test]
fn a_problem_says_what_happened_what_is_safe_and_what_to_do() {
    let problem = Problem::new(Exit::Code, "CODE_EXPIRED", "The code expired.")
        .safe("Nothing was sent.")
        .next("Ask the organiser for a new one.");
    let (mut people, out, err) = screen(Form::Words, "");
    people.problem(&problem);
    let words =
        "Error: The code expired.\nNothing was sent.\n\nhint: Ask the organiser for a new one.\n";
    assert_eq!((&*out.text(), &*err.text()), ("", words));

    let (mut programs, out, _) = screen(Form::Json, "");
    programs.problem(&problem);
    let json = "{\"schema\":1,\"code\":\"CODE_EXPIRED\",\"exit\":10,\"what\":\"The code expired.\",\
                \"safe\":\"Nothing was sent.\",\"next\":\"Ask the organiser for a new one.\"}\n";
    assert_eq!(out.text(), json);

    let alarm = Problem::new(Exit::Verification, "RECEIPT", "your receipt is missing");
    assert_eq!(alarm.to_string(), "ALARM: your receipt is missing\n");
}

#[test]
fn without_a_terminal_the_live_line_is_written_when_it_changes_and_not_too_often() {
    let (mut screen, _, err) = screen(Form::Words, "");
    let start = Instant::now();
    let mut at = |secs: u64, words: &str| {
        screen.live_at(start + Duration::from_secs(secs), "live", &Fields { enrolled: 0 }, words);
    };
    at(0, "one");
    at(1, "two");
    at(9, "two");
    at(10, "three");
    at(30, "three");
    at(31, "four");
    screen.settle();
    screen.live_at(start + Duration::from_secs(32), "live", &Fields { enrolled: 0 }, "four");
    assert_eq!(err.text(), "one\nthree\nfour\nfour\n");
}

#[test]
fn consent_is_typed_and_nothing_else_is_consent() {
    for (typed, agreed) in [
        ("I agree\n", true),
        ("  \"I agree\" \n", true),
        ("\n", false),
        ("y\n", false),
        ("i agree\n", false),
        ("I agree not\n", false),
    ] {
        let (mut screen, _, _) = screen(Form::Words, typed);
        assert_eq!(screen.agrees("Type \"I agree\":", "I agree").unwrap(), agreed, "{typed:?}");
    }
    let (mut screen, _, _) = screen(Form::Words, "");
    let error = screen.agrees("?", "I agree").unwrap_err();
    assert!(matches!(error, PromptError::NoAnswer));
}

#[test]
fn answers_come_line_by_line_and_have_a_greatest_length() {
    let input = format!("one\r\n two\n{}\n", "x".repeat(ANSWER_BYTES_MAX + 1));
    let (mut screen, out, err) = screen(Form::Json, &input);
    assert_eq!(screen.ask("First?").unwrap(), "one");
    assert_eq!(screen.secret(&SecretFrom::Person("Code?".into())).unwrap().as_str(), "two");
    assert!(matches!(screen.ask("Third?"), Err(PromptError::Answer)));
    // A question must be seen in either form, and an answer is never repeated.
    assert_eq!((&*out.text(), &*err.text()), ("", "First? \nThird? "));
}

#[test]
fn a_secret_comes_from_a_private_file_only() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("code");
    files::create(&file, b"concert1-abcd\n", files::Audience::Owner).unwrap();
    let (mut screen, _, _) = screen(Form::Words, "");
    let from = SecretFrom::File(file.clone());
    assert_eq!(screen.secret(&from).unwrap().as_str(), "concert1-abcd");
    let open = home.path().join("open");
    files::create(&open, b"concert1-abcd", files::Audience::Everybody).unwrap();
    let error = screen.secret(&SecretFrom::File(open)).unwrap_err();
    assert_eq!(Problem::from(error).code, "FILE_EXPOSED");
}

#[test]
fn output_that_cannot_be_written_is_an_error_at_the_end() {
    struct Full(io::ErrorKind);
    impl Write for Full {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let end = |kind| {
        let input = Box::new(Cursor::new(Vec::new()));
        let mut screen =
            Screen::new(Form::Words, Box::new(Full(kind)), Box::new(io::sink()), input);
        screen.say("words");
        screen.finish()
    };
    assert_eq!(end(io::ErrorKind::StorageFull).unwrap_err().code, "OUTPUT");
    assert_eq!(end(io::ErrorKind::BrokenPipe), Ok(()));
}
