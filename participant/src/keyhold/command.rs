//! The commands of a keyholder.

use super::{
    export,
    holder::{Held, Holder, Permission},
    store::{Bundle, Kept, SeatFolder, Standing},
};
use crate::{
    cli::{self, Keyhold},
    command::warn_of_clock,
    network::{DEADLINE, Network},
    notices::in_the_open,
    problems, words,
};
use host::{
    Problem, dates,
    drive::{Drive, Ended, Watch},
    files,
    quic::LinkError,
    screen::{Screen, SecretFrom},
    stop,
};
use jiff::tz::TimeZone;
use protocol::{
    campaign::CheckedPlan,
    exit::Exit,
    ids::{PlanId, SeatSet},
    invite::{Invite, Target},
    keys::seat,
    roles::{
        Time,
        keyholder::{Configuration, Fault, Keyholder, Record},
    },
    wire::Hello,
};
use serde::Serialize;
use std::{
    ops::ControlFlow,
    path::{Path, PathBuf},
    time::Duration,
};
use zeroize::Zeroizing;

/// How long a keyholder waits before it asks again, in milliseconds.
const PACE_MILLIS: u64 = 2_000;
/// How long it puts up with a coordinator that cannot be reached.
const PATIENCE: Duration = Duration::from_hours(7 * 24);
/// The longest exported file.
const EXPORT_BYTES_MAX: usize = 32 << 20;

const ACCEPT: &str = "I will hold this seat";
const MATCH: &str = "They match";

/// A keyholder at this machine.
#[derive(Debug)]
pub struct Seat<'a> {
    screen: &'a mut Screen,
    folder: SeatFolder,
    zone: TimeZone,
    network: &'a Network,
}

/// How far a drive goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// The plan is there, or the person is asked something.
    Held,
    /// The campaign is endorsed by this keyholder.
    Endorsed,
    /// Everything is over.
    Over,
}

/// What the machine may do by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Losses {
    ByPerson,
    ByItself,
}

#[derive(Serialize)]
struct SeatJson {
    plan: String,
    seat: u8,
    accepted: bool,
    compared: bool,
    signed: usize,
}

#[derive(Serialize)]
struct Key<'a> {
    number: u8,
    name: &'a str,
    fingerprint: String,
    own: bool,
}

#[derive(Serialize)]
struct Nothing {}

#[derive(Serialize)]
struct Progress {
    sums: usize,
    ended: usize,
    silent: Vec<u8>,
}

/// Does what was typed.
///
/// # Errors
/// [`Problem`].
pub fn execute(command: &Keyhold, mut seat: Seat<'_>) -> Result<(), Problem> {
    match command {
        Keyhold::Join(options) => seat.join(options),
        Keyhold::Run(options) => seat.run(options),
        Keyhold::Status => seat.status(),
        Keyhold::Lost { numbers, yes } => {
            let sure = if *yes { Sure::Yes } else { Sure::Ask };
            seat.lost(numbers, sure)
        }
        Keyhold::ExportKey(options) => seat.export(options),
        Keyhold::ImportKey(options) => seat.import(options),
    }
}

/// Whether to ask before something that cannot be taken back.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sure {
    Yes,
    Ask,
}

fn place(invite: &Invite) -> Result<(PlanId, seat::Seat), Problem> {
    match invite.target {
        Target::Keyholder { plan, seat } => Ok((plan, seat)),
        Target::Person(_) => Err(problems::other_target(
            "one for keyholders",
            "It lets you take part as a member or donor: participant join",
        )),
    }
}

fn not_begun() -> Problem {
    Problem::new(Exit::Usage, "NOT_JOINED", "You hold no seat here.")
        .next("participant keyhold join; or name the folder with --state.")
}

impl<'a> Seat<'a> {
    /// At this folder.
    pub fn new(screen: &'a mut Screen, folder: PathBuf, network: &'a Network) -> Self {
        Self { screen, folder: SeatFolder::new(folder), zone: dates::zone(), network }
    }

    fn begun(&self) -> Result<Invite, Problem> {
        self.folder.invite()?.ok_or_else(not_begun)
    }

    fn join(&mut self, options: &cli::KeyholdJoin) -> Result<(), Problem> {
        let kept = if self.folder.path().exists() { self.folder.invite()? } else { None };
        let invite = match kept {
            Some(kept) if options.code.code_file.is_none() => kept,
            Some(kept) => {
                let typed = crate::command::read_code(self.screen, &options.code)?;
                if typed != kept {
                    let what = format!("{} is of another seat.", self.folder.path().display());
                    return Err(Problem::new(Exit::Usage, "STATE_OTHER", what)
                        .safe("Nothing was sent or changed.")
                        .next("Name another folder with --state."));
                }
                kept
            }
            None => {
                let invite = crate::command::read_code(self.screen, &options.code)?;
                place(&invite)?;
                self.folder.begin(&invite)?;
                invite
            }
        };
        let mut kept = self.folder.journal()?;
        let mut holder = self.holder(&invite, &kept, Losses::ByPerson)?;
        self.drive(&invite, &mut holder, &mut kept, Until::Held)?;
        if holder.held() == Some(Held::Plan) {
            self.show_plan(&holder, &invite)?;
            let question = format!("Type \"{ACCEPT}\" to bring your keys, or Enter to leave.");
            if !options.accept && !self.screen.agrees(question, ACCEPT)? {
                return Err(Problem::new(
                    Exit::Declined,
                    "SEAT_DECLINED",
                    "You do not hold the seat.",
                )
                .heading("Left")
                .safe("Nothing was sent. The organiser can invite somebody else."));
            }
            self.folder.keep_standing(Standing { accepted: true, ..Standing::default() })?;
            holder.permit(Permission::Keys);
            self.screen.note("Waiting for the other keyholders. You can stop this and run the same command again.");
            self.drive(&invite, &mut holder, &mut kept, Until::Endorsed)?;
        }
        self.compare(&invite, &mut holder, &mut kept, options.fingerprints_match)?;
        self.screen.event(
            "seated",
            &Nothing {},
            "The ceremony is done for you. Leave this running until the campaign is over: participant keyhold run",
        );
        self.screen
            .note("Keep a copy of your key in a safe place: participant keyhold export-key FILE");
        Ok(())
    }

    /// Shows the fingerprints and goes on once they were compared.
    fn compare(
        &mut self,
        invite: &Invite,
        holder: &mut Holder,
        kept: &mut Kept,
        compared: bool,
    ) -> Result<(), Problem> {
        if holder.held() != Some(Held::Fingerprints) {
            return Ok(());
        }
        self.show_fingerprints(holder, invite)?;
        let question = format!(
            "Call the others and read yours aloud; each must see what the others read. Then type \"{MATCH}\", or Enter to leave."
        );
        if !compared && !self.screen.agrees(question, MATCH)? {
            return Err(Problem::new(Exit::Declined, "NOT_COMPARED", "The fingerprints were not compared.")
                .heading("Left")
                .safe("Your keys are there, and the campaign does not begin without you.")
                .next("If they do not match: do not go on; tell the others. Else: participant keyhold join"));
        }
        self.folder.keep_standing(Standing {
            accepted: true,
            compared: true,
            ..Standing::default()
        })?;
        holder.permit(Permission::All);
        self.drive(invite, holder, kept, Until::Endorsed)
    }

    fn run(&mut self, options: &cli::KeyholdRun) -> Result<(), Problem> {
        let invite = self.begun()?;
        if !self.folder.standing()?.accepted {
            return Err(Problem::new(
                Exit::Declined,
                "SEAT_NOT_ACCEPTED",
                "You have not agreed to hold the seat yet.",
            )
            .safe("Nothing was sent.")
            .next("participant keyhold join"));
        }
        let mut kept = self.folder.journal()?;
        let losses = if options.declare_losses { Losses::ByItself } else { Losses::ByPerson };
        let mut holder = self.holder(&invite, &kept, losses)?;
        self.drive(&invite, &mut holder, &mut kept, Until::Over)?;
        if holder.held() == Some(Held::Fingerprints) {
            self.compare(&invite, &mut holder, &mut kept, options.fingerprints_match)?;
            self.drive(&invite, &mut holder, &mut kept, Until::Over)?;
        }
        let began = holder.transcript().is_some_and(protocol::transcript::Transcript::has_begun);
        if !began {
            return Err(Problem::new(Exit::Aborted, "NOT_BEGUN", "The campaign could not begin.")
                .heading("Ended")
                .safe("Nothing was opened."));
        }
        self.screen.event(
            "over",
            &Nothing {},
            "Every sum has ended; your secrets for them are erased. You can remove this folder.",
        );
        Ok(())
    }

    fn status(&mut self) -> Result<(), Problem> {
        let (plan, seat) = place(&self.begun()?)?;
        let standing = self.folder.standing()?;
        let records = self.folder.records()?;
        let signed = records.iter().filter(|record| matches!(record, Record::Signed(..))).count();
        let json = SeatJson {
            plan: plan.to_string(),
            seat: seat.index() + 1,
            accepted: standing.accepted,
            compared: standing.compared,
            signed,
        };
        let state = match standing.permission() {
            Permission::Look => {
                "You have not agreed to hold the seat. Next: participant keyhold join"
            }
            Permission::Keys => {
                "Your keys are made; fingerprints are not compared yet. Next: participant keyhold join"
            }
            Permission::All => "You hold the seat. Leave it running: participant keyhold run",
        };
        let words = format!(
            "Keyholder {} of plan {plan}\n{state}\n{signed} statements signed so far.",
            json.seat
        );
        self.screen.event("seat", &json, words);
        Ok(())
    }

    fn lost(&mut self, numbers: &[u8], sure: Sure) -> Result<(), Problem> {
        let (_, own) = place(&self.begun()?)?;
        let named: SeatSet = numbers
            .iter()
            .filter_map(|number| number.checked_sub(1))
            .map(seat::Seat::new)
            .collect();
        if named.is_empty() || named.contains(own) || numbers.contains(&0) {
            return Err(Problem::new(
                Exit::Usage,
                "NO_SUCH_KEYHOLDER",
                "Name others, by their numbers from 1.",
            )
            .safe("Nothing was signed."));
        }
        if sure == Sure::Ask {
            let question = "You say that you have tried their contact and that they do not answer, and that the other keyholders name the same \
                            ones. This opens their key for the sums they are missing in. Type \"They are lost\", or Enter to leave.";
            if !self.screen.agrees(question, "They are lost")? {
                return Err(Problem::new(
                    Exit::Declined,
                    "NOT_DECLARED",
                    "Nobody was declared lost.",
                ));
            }
        }
        self.folder.keep_lost(named)?;
        self.screen.event(
            "noted",
            &Nothing {},
            "Noted. The running participant keyhold run signs it where somebody waits for them; start it if it does not run.",
        );
        Ok(())
    }

    fn export(&mut self, options: &cli::Locked) -> Result<(), Problem> {
        let invite = self.begun()?;
        let standing = self.folder.standing()?;
        let bundle = Bundle {
            code: invite.code().as_str().to_owned(),
            standing: (standing.accepted, standing.compared),
            records: self.folder.records()?,
        };
        let passphrase = self.passphrase(options, Sure::Ask)?;
        let mut salt = [0; 16];
        getrandom::fill(&mut salt)
            .map_err(|_| Problem::bug("the operating system gives no random bytes"))?;
        let bytes = export::lock(&bundle, &passphrase, salt)?;
        files::create(&options.file, &bytes, files::Audience::Owner)?;
        self.screen.event(
            "exported",
            &Nothing {},
            format!("Written to {}.", options.file.display()),
        );
        self.screen.note(
            "Whoever has the file and the passphrase is this keyholder. A copy that is older than what was signed since can make you sign twice: \
             export again after the ceremony, and never run two.",
        );
        Ok(())
    }

    fn import(&mut self, options: &cli::Locked) -> Result<(), Problem> {
        if self.folder.path().exists() && self.folder.invite()?.is_some() {
            let what = format!("{} holds a seat already.", self.folder.path().display());
            return Err(Problem::new(Exit::Usage, "STATE_EXISTS", what)
                .safe("Nothing was changed.")
                .next("Name another folder with --state."));
        }
        let bytes = files::read(&options.file, EXPORT_BYTES_MAX)?;
        let passphrase = self.passphrase(options, Sure::Yes)?;
        let bundle = export::unlock(&bytes, &passphrase)?;
        let invite = Invite::parse(&bundle.code).map_err(|error| problems::code(&error))?;
        let (accepted, compared) = bundle.standing;
        self.folder.begin(&invite)?;
        let mut kept = self.folder.journal()?;
        host::drive::Keep::keep(&mut kept, &bundle.records)?;
        self.folder.keep_standing(Standing { accepted, compared, ..Standing::default() })?;
        self.screen.event(
            "imported",
            &Nothing {},
            "You are this keyholder here now. Never run it on the other machine again. Next: participant keyhold run",
        );
        Ok(())
    }

    /// A new passphrase is typed twice.
    fn passphrase(
        &mut self,
        options: &cli::Locked,
        again: Sure,
    ) -> Result<Zeroizing<String>, Problem> {
        let from = match &options.passphrase_file {
            None => SecretFrom::Person("Passphrase:".to_owned()),
            Some(file) if file == Path::new("-") => SecretFrom::Input,
            Some(file) => SecretFrom::File(file.clone()),
        };
        let passphrase = self.screen.secret(&from)?;
        if again == Sure::Ask && matches!(from, SecretFrom::Person(_)) {
            let once_more = self.screen.secret(&SecretFrom::Person("Once more:".to_owned()))?;
            if *once_more != *passphrase {
                return Err(Problem::new(
                    Exit::Usage,
                    "PASSPHRASES_DIFFER",
                    "The two passphrases differ.",
                )
                .safe("Nothing was written."));
            }
        }
        Ok(passphrase)
    }

    fn holder(&self, invite: &Invite, kept: &Kept, losses: Losses) -> Result<Holder, Problem> {
        let (plan, seat) = place(invite)?;
        let configuration = Configuration {
            plan,
            seat,
            pace_millis: PACE_MILLIS,
            declares_losses: losses == Losses::ByItself,
        };
        // Used only if there is nothing in the journal: then nothing was sent either.
        let mut root = Zeroizing::new([0; 32]);
        getrandom::fill(&mut *root)
            .map_err(|_| Problem::bug("the operating system gives no random bytes"))?;
        let machine = Keyholder::restore(configuration, &root, kept.records());
        let folder = self.folder.clone();
        let permission = self.folder.standing()?.permission();
        Ok(Holder::new(machine, permission, PACE_MILLIS, Box::new(move || folder.lost())))
    }

    fn drive(
        &mut self,
        invite: &Invite,
        holder: &mut Holder,
        kept: &mut Kept,
        until: Until,
    ) -> Result<(), Problem> {
        let (plan, seat) = place(invite)?;
        let access = invite.secret.access_key();
        let hello = |exporter: &_| Hello::keyholder(plan, seat, &access, exporter);
        let mut watcher = Watcher { screen: self.screen, until, own: seat, silent: SeatSet::EMPTY };
        let ended = self.network.runtime().block_on(async {
            let stop = stop::Stop::on_signals().map_err(|error| Problem::bug(error.to_string()))?;
            let patience = if until == Until::Held { Duration::ZERO } else { PATIENCE };
            let road = Drive {
                address: &invite.address,
                certificate: &invite.certificate,
                hello: &hello,
                deadline: DEADLINE,
                patience,
                horizon_millis: u64::MAX,
                stop,
            };
            Ok::<_, Problem>(road.start(holder, kept, &mut watcher).await?)
        })?;
        self.screen.settle();
        match (holder.fault(), ended) {
            (Some(of), _) => Err(fault(of)),
            (None, Ended::Stopped) => Err(crate::command::interrupted()),
            (None, Ended::Watched | Ended::Asleep(_)) => Ok(()),
        }
    }

    fn show_plan(&mut self, holder: &Holder, invite: &Invite) -> Result<(), Problem> {
        let (_, seat) = place(invite)?;
        let transcript = holder.transcript();
        let plan =
            transcript.ok_or_else(|| Problem::bug("a plan was held that is not there"))?.plan();
        let text = plan_words(plan, seat, &self.zone);
        self.screen.event("plan", &Nothing {}, text);
        Ok(())
    }

    fn show_fingerprints(&mut self, holder: &Holder, invite: &Invite) -> Result<(), Problem> {
        let (_, own) = place(invite)?;
        let manifest = holder.transcript().and_then(|transcript| transcript.manifest());
        let (_, manifest) =
            manifest.ok_or_else(|| Problem::bug("a manifest was held that is not there"))?;
        for (seat, named) in manifest.all_seats().iter().zip(&manifest.keyholders) {
            let Some(entry) = manifest.seat(seat) else { continue };
            let fingerprint = words::fingerprint(entry.keys.identity.as_bytes());
            let yours = if seat == own { "  <- yours: read it aloud" } else { "" };
            let line = format!(
                "  {}  {}  {fingerprint}{yours}\n     {}",
                seat.index() + 1,
                named.name,
                named.contact
            );
            let json =
                Key { number: seat.index() + 1, name: &named.name, fingerprint, own: seat == own };
            self.screen.event("fingerprint", &json, line);
        }
        Ok(())
    }
}

fn plan_words(plan: &CheckedPlan, own: seat::Seat, zone: &TimeZone) -> String {
    let named = plan.keyholders.iter().zip(1..).map(|(of, number)| {
        let yours = if number == own.index() + 1 { "  <- you" } else { "" };
        let named = format!("{}, {}, named by {}", of.name, of.contact, of.named_by);
        format!("  {number}  {}{yours}\n", words::beside(&named, 5))
    });
    let said = |text: &str| words::beside(text, 14);
    let last = plan.aggregations.iter().map(|of| of.closes).max().unwrap_or_default();
    let lost = match plan.lost_max() {
        0 => "No keyholder can be missing: if one is, nothing more is opened.".to_owned(),
        lost => format!("Up to {lost} of you can be lost in a sum, and the others still open it."),
    };
    let open = in_the_open(plan);
    let open = open.iter().fold(String::new(), |text, notice| format!("{text}  {notice}\n"));
    let open = if open.is_empty() { open } else { format!("\nIN THE OPEN\n{open}") };
    format!(
        "THE PLAN {}\n  Organiser   {}\n  Purpose     {}\n  Firm        {}\n  Label       {}\n{open}\nTHE KEYHOLDERS\n{}\n\
         WHAT YOU PROMISE\n  To keep this machine on and participant keyhold run running until {}.\n  \
         To answer when the others call you. {lost}\n  \
         Not to help open anything but sums over at least {} people. {} of you together with the coordinator could read reports: \
         do not hold a seat for anybody else.\n\
         WHAT A LOST MACHINE COSTS\n  Your seat, for the sums that are not open yet. Whoever finds it unlocked is you: encrypt its disk, and keep \
         an exported key elsewhere.\n",
        plan.id(),
        said(&format!("{} ({})", plan.organiser.name, plan.organiser.contact)),
        said(&plan.texts.purpose),
        said(&plan.texts.firm),
        said(&plan.texts.label),
        named.collect::<String>(),
        dates::moment(last, zone),
        plan.cohort_min,
        plan.corrupt_max() + 1,
    )
}

/// Why a keyholder's machine has stopped for good.
pub(super) fn fault(fault: &Fault) -> Problem {
    let code = match fault {
        Fault::Transcript(_) => "TRANSCRIPT_BROKEN",
        Fault::Plan { .. } => "OTHER_PLAN",
        Fault::Equivocation => "EQUIVOCATION",
        Fault::Keys | _ => "KEYS",
    };
    Problem::new(Exit::Verification, code, format!("{fault}."))
        .safe("Your machine signs and opens nothing more.")
        .next("Keep the folder as it is, call the other keyholders, and compare what you see.")
}

struct Watcher<'a> {
    screen: &'a mut Screen,
    until: Until,
    own: seat::Seat,
    /// Who was told to be silent.
    silent: SeatSet,
}

impl Watch<Holder> for Watcher<'_> {
    fn step(&mut self, holder: &Holder, now: Time) -> ControlFlow<()> {
        let over = holder.fault().is_some() || holder.machine().is_done();
        let enough = match self.until {
            Until::Held | Until::Endorsed => holder.held().is_some() || holder.has_endorsed(),
            Until::Over => holder.held().is_some(),
        };
        if over || enough {
            return ControlFlow::Break(());
        }
        self.tell(holder, now);
        ControlFlow::Continue(())
    }

    fn trouble(&mut self, error: &LinkError, again_in_millis: u64) {
        self.screen.note(format!("{error}; again in {}.", dates::span(again_in_millis.max(1_000))));
    }

    fn skewed(&mut self, ahead_millis: i64) {
        let own = dates::now();
        let there = own.as_millis().saturating_add_signed(-ahead_millis);
        warn_of_clock(self.screen, own, Time::from_millis(there));
    }
}

impl Watcher<'_> {
    fn tell(&mut self, holder: &Holder, now: Time) {
        let Some(transcript) = holder.transcript() else { return };
        let silent: SeatSet =
            holder.machine().silent(now).iter().flat_map(|(_, seats)| seats.iter()).collect();
        let silent = silent.without([self.own].into_iter().collect());
        if silent != self.silent && !silent.is_empty() {
            for seat in silent.iter() {
                let Some(named) = transcript.plan().keyholders.get(usize::from(seat.index()))
                else {
                    continue;
                };
                let number = seat.index() + 1;
                self.screen.note(format!(
                    "Keyholder {number} is silent: {}, {}. Call. If nobody answers, and the others agree: participant keyhold lost {number}",
                    named.name, named.contact
                ));
            }
        }
        self.silent = silent;
        let sums = transcript.sums();
        let ended = sums
            .iter()
            .filter(|sum| {
                sum.aborted().is_some()
                    || sum.outcome().is_some_and(|(entry, _)| transcript.is_endorsed(entry))
            })
            .count();
        let state = match (transcript.manifest(), transcript.has_begun()) {
            (None, _) => "waiting for the other keyholders' keys".to_owned(),
            (Some(_), false) => {
                "waiting until all keyholders have compared fingerprints".to_owned()
            }
            (Some(_), true) => format!("{ended} of {} sums have ended", sums.len()),
        };
        let numbers = silent.iter().map(|seat| seat.index() + 1).collect();
        let progress = Progress { sums: sums.len(), ended, silent: numbers };
        self.screen.live("keyholding", &progress, state);
    }
}
