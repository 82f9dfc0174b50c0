//! Members, donors and keyholders will run this program; it is not built yet.
#![expect(clippy::print_stderr, reason = "a program speaks to its user")]

fn main() -> std::process::ExitCode {
    eprintln!(
        "participant is not built yet: this version has the simulator only.\n\
         Nothing was read, sent or stored. To see the method at work: sims demo"
    );
    protocol::exit::Exit::Configuration.into()
}
