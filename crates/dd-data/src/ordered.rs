//! Work on several threads with results in order and bounded memory.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Results of `job(0)`, `job(1)`, ... in that order, made by worker threads that stay at most `window` jobs ahead.
///
/// The sequence does not depend on the number of workers; with none, jobs run when asked for.
pub(crate) struct Ordered<T> {
    shared: Arc<Shared<T>>,
    job: Job<T>,
    next: usize,
    count: usize,
    workers: usize,
}

type Job<T> = Arc<dyn Fn(usize) -> T + Send + Sync>;

struct Shared<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

struct State<T> {
    next_job: usize,
    consumed: usize,
    done: HashMap<usize, T>,
    stop: bool,
    lost: bool,
}

impl<T: Send + 'static> Ordered<T> {
    pub(crate) fn new(count: usize, workers: usize, window: usize, job: Job<T>) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                next_job: 0,
                consumed: 0,
                done: HashMap::new(),
                stop: false,
                lost: false,
            }),
            changed: Condvar::new(),
        });
        let workers = workers.min(count);
        for _ in 0..workers {
            let (shared, job) = (Arc::clone(&shared), Arc::clone(&job));
            thread::spawn(move || work(&shared, &job, count, window.max(1)));
        }
        Self {
            shared,
            job,
            next: 0,
            count,
            workers,
        }
    }
}

impl<T> Iterator for Ordered<T> {
    /// `None` inside when a worker was lost to a panic.
    type Item = Option<T>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.count {
            return None;
        }
        let position = self.next;
        self.next += 1;
        if self.workers == 0 {
            return Some(Some((self.job)(position)));
        }
        let mut state = lock(&self.shared.state);
        loop {
            if let Some(result) = state.done.remove(&position) {
                state.consumed = self.next;
                self.shared.changed.notify_all();
                return Some(Some(result));
            }
            if state.lost {
                self.next = self.count;
                return Some(None);
            }
            state = wait(&self.shared.changed, state);
        }
    }
}

impl<T> Drop for Ordered<T> {
    fn drop(&mut self) {
        lock(&self.shared.state).stop = true;
        self.shared.changed.notify_all();
    }
}

fn work<T>(shared: &Shared<T>, job: &Job<T>, count: usize, window: usize) {
    let _watch = Watch(shared);
    loop {
        let mut state = lock(&shared.state);
        while !state.stop && state.next_job < count && state.next_job >= state.consumed + window {
            state = wait(&shared.changed, state);
        }
        if state.stop || state.next_job >= count {
            return;
        }
        let position = state.next_job;
        state.next_job += 1;
        drop(state);
        let result = job(position);
        lock(&shared.state).done.insert(position, result);
        shared.changed.notify_all();
    }
}

/// Tells the consumer when a worker's job panics, so that it does not wait for ever.
struct Watch<'a, T>(&'a Shared<T>);

impl<T> Drop for Watch<'_, T> {
    fn drop(&mut self) {
        if thread::panicking() {
            lock(&self.0.state).lost = true;
            self.0.changed.notify_all();
        }
    }
}

/// The state is consistent at every unlock, so a poisoned lock is as good as any.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait<'a, T>(condition: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condition
        .wait(guard)
        .unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn results_come_in_order_whatever_the_number_of_workers() {
        let expected: Vec<usize> = (0..200).map(|i| i * i).collect();
        for workers in [0, 1, 3, 8] {
            let results = Ordered::new(200, workers, 5, Arc::new(|i| i * i));
            assert!(
                results
                    .map(|r| r.expect("no panic"))
                    .eq(expected.iter().copied())
            );
        }
    }

    #[test]
    fn workers_stay_inside_the_window() {
        let started = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&started);
        let mut results = Ordered::new(
            1000,
            4,
            6,
            Arc::new(move |i| {
                counter.fetch_add(1, Ordering::SeqCst);
                i
            }),
        );
        results.next();
        thread::sleep(std::time::Duration::from_millis(50));
        assert!(started.load(Ordering::SeqCst) <= 7);
    }

    #[test]
    fn a_lost_worker_ends_the_sequence() {
        let mut results = Ordered::new(3, 1, 2, Arc::new(|i| assert!(i != 1, "on purpose")));
        assert_eq!(results.next(), Some(Some(())));
        assert_eq!(results.next(), Some(None));
        assert_eq!(results.next(), None);
    }
}
