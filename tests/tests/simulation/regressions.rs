//! What simulations have found in our own runtime: each by a seed that shows it, wherever it is built in again.

use crate::cases::{self, Case};

/// A finding that is mended.
pub struct Regression {
    /// The broken variant that has it again.
    #[cfg_attr(not(feature = "broken"), allow(dead_code, reason = "only the matrix breaks the runtime again"))]
    pub variant: &'static str,
    pub case: &'static str,
    pub seed: u64,
}

/// Every finding. When schedules are drawn in another way, `make simulation-matrix` says by which seeds they show.
pub const ALL: &[Regression] = &[
    Regression { variant: "TimeoutIgnored", case: "at_least_once_cached", seed: 13 },
    Regression { variant: "JoinForgotten", case: "count", seed: 3 },
    Regression { variant: "InitForgotten", case: "count", seed: 20 },
    Regression { variant: "RowsHidden", case: "pattern", seed: 956 },
    Regression { variant: "RestoredCountedAnew", case: "count", seed: 11 },
    Regression { variant: "LeaveInsisted", case: "global", seed: 533 },
    Regression { variant: "Impatient", case: "pattern", seed: 0 },
];

/// Whether the seed of every finding holds now.
pub fn hold(cases: &[Case]) -> bool {
    let (mut held, mut failed) = (0, 0);
    for Regression { case, seed, .. } in ALL {
        assert!(cases::all().iter().any(|known| known.name == *case), "there is no case `{case}`");
        let Some(known) = cases.iter().find(|known| known.name == *case) else { continue };
        match (known.simulation)().run(*seed) {
            Ok(_) => held += 1,
            Err(failure) => {
                println!("{case}, {failure}");
                failed += 1;
            }
        }
    }
    let result = if failed == 0 { "ok" } else { "FAILED" };
    println!("test simulation::regressions ... {result} ({held} seeds hold that have shown something before)");
    failed == 0
}
