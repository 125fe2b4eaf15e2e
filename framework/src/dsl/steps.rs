//! The steps a program takes, kept in order and replayed into a plan by `build`.
//!
//! A step can still be named after it was taken, so names and numbers are given out only in the replay.

use crate::error::Result;
use crate::store::StoreBlueprint;
use crate::topology::{NodeId, Plan, StepId, Topology};
use std::cell::RefCell;
use std::panic::Location;
use std::rc::Rc;
use std::sync::Arc;

type Replay = Rc<dyn Fn(&mut Plan, Taken<'_>)>;

/// What a replayed step knows of itself.
#[derive(Clone, Copy)]
pub(crate) struct Taken<'a> {
    /// The step.
    pub(crate) step: StepId,
    /// The name it was given.
    pub(crate) name: Option<&'a str>,
}

struct Step {
    name: Option<String>,
    at: &'static Location<'static>,
    replay: Replay,
}

/// The steps of one builder, shared by the streams and tables that come from it.
#[derive(Clone, Default)]
pub(crate) struct Steps(Rc<RefCell<Vec<Step>>>);

impl Steps {
    /// Takes a step at the caller's caller.
    pub(crate) fn take(
        &self,
        at: &'static Location<'static>,
        replay: impl Fn(&mut Plan, Taken<'_>) + 'static,
    ) -> StepId {
        let mut steps = self.0.borrow_mut();
        steps.push(Step { name: None, at, replay: Rc::new(replay) });
        StepId(steps.len() - 1)
    }

    /// Takes a step that puts one node below the output of another step.
    pub(crate) fn take_node(
        &self,
        at: &'static Location<'static>,
        node: impl Fn(&mut Plan, Taken<'_>) -> NodeId + 'static,
    ) -> StepId {
        self.take(at, move |plan, taken| {
            let node = node(plan, taken);
            plan.set_output(taken.step, node);
        })
    }

    /// Takes a step that adds a store.
    pub(crate) fn add_state_store(&self, at: &'static Location<'static>, store: impl StoreBlueprint + 'static) {
        let store: Arc<dyn StoreBlueprint> = Arc::new(store);
        self.take(at, move |plan, _| plan.add_store(store.clone()));
    }

    /// Names a step.
    pub(crate) fn name(&self, StepId(step): StepId, name: &str) {
        self.0.borrow_mut()[step].name = Some(name.to_owned());
    }

    /// Replays all steps in order and makes the topology.
    ///
    /// # Errors
    /// All problems at once.
    #[track_caller]
    pub(crate) fn build(&self) -> Result<Topology> {
        let mut plan = Plan::new();
        for (index, step) in self.0.borrow().iter().enumerate() {
            plan.begin_step(step.at);
            plan.remember_name(StepId(index), step.name.as_deref());
            (step.replay)(&mut plan, Taken { step: StepId(index), name: step.name.as_deref() });
        }
        plan.finish()
    }

    /// Whether both come from the same builder.
    pub(crate) fn is_same(&self, other: &Steps) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}
