use observe::plot::Style;
fn main() {
    let mut args = std::env::args().skip(1);
    let file = args.next().unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    let loaded = config::load(&file, &text);
    let Some(design) = loaded.design else {
        println!("{:#?}", loaded.diagnostics);
        return;
    };
    let incident = args.next();
    let seeds = args.next().map_or(1, |s| s.parse().unwrap());
    let begun = std::time::Instant::now();
    match plimsoll_sim::run(
        &design,
        &plimsoll_sim::Options { incident, seeds, causes: true, ..Default::default() },
    ) {
        Ok(report) => {
            print!("{}", plimsoll_sim::render(&report, &file, Style::Unicode));
            println!("{} events {:?}", report.events, begun.elapsed());
        }
        Err(refusals) => {
            for r in refusals {
                println!("{r}")
            }
        }
    }
}
