//! Which thread of an instance has which task, and where the committed rows of tasks are.
//!
//! A task's rows are in one place of the engine, so at most one thread of the instance may have it open: a thread that has lost it
//! without knowing yet, and the one that got it, must not both write there.

use crate::error::{Error, ErrorKind, Result};
use crate::record::TaskId;
use crate::store::QuerySource;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The tasks that are open in an instance.
#[derive(Default)]
pub(crate) struct TaskTable(Mutex<BTreeMap<TaskId, Entry>>);

struct Entry {
    thread: usize,
    /// Once the task is restored.
    source: Option<QuerySource>,
}

impl TaskTable {
    // Entries are whole between any two statements, so a panic elsewhere does not spoil them.
    fn lock(&self) -> MutexGuard<'_, BTreeMap<TaskId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a task for a thread; false if another one has it.
    pub(crate) fn take(&self, task: TaskId, thread: usize) -> bool {
        self.lock().entry(task).or_insert(Entry { thread, source: None }).thread == thread || broken!(SharedTask)
    }

    /// A task of a thread is restored: its committed rows may be read there.
    pub(crate) fn publish(&self, task: TaskId, thread: usize, source: QuerySource) {
        if let Some(entry) = self.lock().get_mut(&task).filter(|entry| entry.thread == thread) {
            entry.source = Some(source);
        }
    }

    /// A task of a thread is being opened anew: what can be read of it is not complete.
    pub(crate) fn withdraw(&self, task: TaskId, thread: usize) {
        let is_own = |entry: &&mut Entry| entry.thread == thread || broken!(RowsHidden);
        if let Some(entry) = self.lock().get_mut(&task).filter(is_own) {
            entry.source = None;
        }
    }

    /// Gives a task back.
    pub(crate) fn give_back(&self, task: TaskId, thread: usize) {
        let mut tasks = self.lock();
        if tasks.get(&task).is_some_and(|entry| entry.thread == thread) {
            tasks.remove(&task);
        }
    }

    /// Gives back whatever a thread still has.
    pub(crate) fn give_back_all(&self, thread: usize) {
        self.lock().retain(|_, entry| entry.thread != thread);
    }

    /// Where the committed rows of every task of a sub-topology are.
    ///
    /// # Errors
    /// `Pending` if one of them is being restored.
    pub(crate) fn sources(&self, subtopology: u32) -> Result<Vec<(TaskId, QuerySource)>> {
        let tasks = self.lock();
        let of = tasks.iter().filter(|(task, _)| task.subtopology == subtopology);
        of.map(|(task, entry)| match &entry.source {
            Some(source) => Ok((*task, source.clone())),
            None => Err(Error::new(ErrorKind::Pending, format!("task {task} is still being restored"))
                .with_hint("ask again when the state is RUNNING")),
        })
        .collect()
    }
}
