use clap::CommandFactory;

use super::*;

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split_whitespace())
}

#[test]
fn command_line_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn help_documents_the_exit_codes_and_every_verb() {
    let help = Cli::command().render_long_help().to_string();
    assert!(help.contains("Exit codes: 0 done; 1 failed"), "{help}");
    for verb in
        ["serve", "topic", "produce", "consume", "group", "config", "bench", "log", "completions"]
    {
        assert!(help.contains(&format!("\n  {verb} ")), "{verb} is missing in {help}");
    }
}

#[test]
fn global_flags_may_stand_before_and_behind_the_verb() {
    for line in [
        "highwater --brokers h:1 --output json topic list",
        "highwater topic list --brokers h:1 --output json",
    ] {
        let cli = parse(line).unwrap();
        assert_eq!(cli.global.brokers, "h:1");
        assert_eq!(cli.global.output, OutputFormat::Json);
    }
}

#[test]
fn wrong_usage_is_exit_code_2() {
    for line in [
        "highwater",
        "highwater topic create",
        "highwater topic create bad/name",
        "highwater topic create t --partitions 0",
        "highwater topic create t --config novalue",
        "highwater produce t --acks 2",
        "highwater produce t --compression brotli",
        "highwater consume t --from-beginning --offset 3",
        "highwater consume t --format %q",
        "highwater consume t --group g --offset 3",
        "highwater consume t --group g --partition 3",
        "highwater config set topic t",
        "highwater group members",
        "highwater group reset g",
        "highwater group reset g --to-earliest --to-latest",
        "highwater group reset g --to-offset -1",
        "highwater group reset g --to-time yesterday",
        "highwater group reset g --topic t --from-file f",
        "highwater group describe g --watch=0",
        "highwater group list --state foo",
        "highwater group list --type foo",
        "highwater bench",
        "highwater bench produce --records 0",
        "highwater bench produce --topic t --partitions 3",
        "highwater bench produce --connections 0",
        "highwater bench consume --topic t --record-bytes 10",
        "highwater bench latency --rate 10000001",
    ] {
        let error = parse(line).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
    }
}

#[test]
fn number_below_zero_is_told_what_may_stand_there() {
    let check = |arguments: &str, expected: &str| {
        let line = format!("highwater group reset g {arguments}");
        let error = parse(&line).unwrap_err();
        let text = error.to_string();
        assert!(text.contains(expected), "{line}: {text}");
    };
    check("--to-offset -1", "-1 is not in 0..");
    check("--by-duration -5s", "expected a duration");
    check("--to-time -5", "expected milliseconds");
}

#[test]
fn group_without_a_name_is_wrong_usage() {
    let lines: [&[&str]; 5] = [
        &["describe", ""],
        &["members", ""],
        &["delete", "g", ""],
        &["reset", "", "--to-earliest"],
        &["reset", "", "--to-latest", "--execute"],
    ];
    for line in lines {
        let error = Cli::try_parse_from([&["highwater", "group"], line].concat()).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line:?}");
    }
}

#[test]
fn states_and_types_are_known_in_any_case() {
    assert!(parse("highwater group list --state stable,Empty --type Consumer").is_ok());
    let text = parse("highwater group list --state foo").unwrap_err().to_string();
    assert!(text.contains("PreparingRebalance") && text.contains("Reconciling"), "{text}");
}

#[test]
fn negative_offset_is_a_place_and_no_flag() {
    assert!(parse("highwater group reset g --shift-by -10").is_ok());
    assert!(parse("highwater consume t --offset -10").is_ok());
}
