//! Where a run happens and who watches.

use candle_core::Device;

use crate::folder::RunFolder;
use crate::observer::{Event, Flow, Observer};

/// The surroundings of a run.
pub struct Session<'a> {
    /// Where it leaves its files; nothing is written without.
    pub folder: Option<&'a RunFolder>,
    /// Where its tensors live.
    pub device: &'a Device,
    /// Who watches it.
    pub observer: &'a mut dyn Observer,
}

impl Session<'_> {
    /// Tells the observer, and hears whether to go on.
    pub(crate) fn tell(&mut self, event: &Event<'_>) -> Flow {
        self.observer.event(event)
    }
}
