//! The chapters of `docs/guide`, so that every program in them is compiled and run as a test.

macro_rules! chapters {
    ($($name:ident: $file:literal;)*) => {
        $(#[doc = include_str!(concat!("../../docs/guide/", $file))] struct $name;)*
    };
}

chapters! {
    FirstTopology: "01-first-topology.md";
    StreamsAndTables: "02-streams-and-tables.md";
    StateAndWindows: "03-state-and-windows.md";
    JoinsAndRepartitioning: "04-joins-and-repartitioning.md";
    FormatsAndRegistry: "05-formats-and-registry.md";
    ProcessorsAndPunctuations: "06-processors-and-punctuations.md";
    TimeAndOrder: "07-time-and-order.md";
    ErrorsAndDeadLetters: "08-errors-and-dead-letters.md";
    ExactlyOnceAndRecovery: "09-exactly-once-and-recovery.md";
    RunningAndConfiguring: "10-running-and-configuring.md";
    Testing: "11-testing.md";
    Simulation: "12-simulation.md";
    CommandLineTool: "13-command-line-tool.md";
}
