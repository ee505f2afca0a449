//! `cargo xtask fidelity`: measures, judges, and writes `docs/fidelity.md`.

use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use std::{fs, io};

use clap::Parser;
use plimsoll_fidelity::{Effort, Facts, PARTS, Part, Section, Verdict, renew};

/// Holds the simulation against what it should be
#[derive(Parser)]
struct Options {
    /// The page to renew
    #[arg(long, value_name = "FILE")]
    page: PathBuf,
    /// The date to write on it
    #[arg(long, default_value = "without a date")]
    date: String,
    /// Measures these parts alone
    #[arg(long, value_name = "PART")]
    only: Vec<String>,
    /// Measures briefly, with wide intervals, and writes nothing
    #[arg(long)]
    quick: bool,
    /// Lists the parts, and measures nothing
    #[arg(long)]
    list: bool,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("fidelity: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Whether everything could be measured, and in a brief run whether it agrees. In a full one, a
/// figure that is outside is a finding and stands on the page.
fn run(options: &Options) -> Result<bool, Box<dyn Error>> {
    let parts = chosen(&options.only)?;
    if options.list {
        parts.iter().for_each(|part| println!("{:<18} {}", part.name, part.needs));
        return Ok(true);
    }
    let effort = if options.quick { Effort::Quick } else { Effort::Full };
    let mut is_well = true;
    for part in &parts {
        let measured = measure(part, effort, &options.date);
        is_well &= match &measured {
            Some((section, _)) => !options.quick || section.agrees(),
            None => false,
        };
        if let (Some(measured), false) = (measured, options.quick) {
            write(options, &[measured])?;
        }
    }
    Ok(is_well)
}

fn chosen(only: &[String]) -> Result<Vec<&'static Part>, String> {
    let names: Vec<_> = PARTS.iter().map(|part| part.name).collect();
    if let Some(unknown) = only.iter().find(|name| !names.contains(&name.as_str())) {
        return Err(format!("no part is called {unknown}; there are {}", names.join(", ")));
    }
    let is_chosen = |part: &&Part| only.is_empty() || only.iter().any(|name| name == part.name);
    Ok(PARTS.iter().filter(is_chosen).collect())
}

fn measure(part: &Part, effort: Effort, date: &str) -> Option<(Section, Facts)> {
    eprintln!("{} …", part.name);
    let began = Instant::now();
    match (part.run)(effort) {
        Ok(section) => {
            let seconds = began.elapsed().as_secs_f64();
            eprintln!("{}: {} in {seconds:.0} s", part.name, tally(&section));
            Some((section, Facts { date: date.into(), seconds }))
        }
        Err(missing) => {
            eprintln!("{}: not measured: {}", part.name, missing.0);
            None
        }
    }
}

fn tally(section: &Section) -> String {
    let count = |verdict| section.rows.iter().filter(|row| row.verdict() == verdict).count();
    for row in section.rows.iter().filter(|row| row.verdict() == Verdict::Outside) {
        let (expected, seen) = (row.unit.show(row.expected), row.unit.show(row.simulated));
        eprintln!("  outside: {}: {seen} instead of {expected}", row.what);
    }
    let (agree, outside) = (count(Verdict::Agrees), count(Verdict::Outside));
    format!("{agree} agree, {outside} outside")
}

fn write(options: &Options, measured: &[(Section, Facts)]) -> io::Result<()> {
    let old = match fs::read_to_string(&options.page) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => String::new(),
        other => other?,
    };
    let names: Vec<_> = PARTS.iter().map(|part| part.name).collect();
    fs::write(&options.page, renew(&old, &names, measured))
}
