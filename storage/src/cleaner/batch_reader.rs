//! Reads whole batches of a segment, one after another, in windows of bounded size.

use std::sync::Arc;

use bytes::Bytes;
use highwater_records::{BatchError, RecordBatch};

use crate::batch_scanner::{BatchScanner, Depth};
use crate::error::{AtPath, Damage, ReadError};
use crate::segment::Segment;

/// Bytes read at once.
const WINDOW_BYTES: usize = 1 << 20;

/// A walk over the batches of one segment, each checked against its CRC.
#[derive(Debug)]
pub(super) struct BatchReader {
    segment: Arc<Segment>,
    position_bytes: u64,
    end_bytes: u64,
    /// What was read from `position_bytes` on.
    window: Bytes,
}

impl BatchReader {
    pub(super) fn new(segment: Arc<Segment>, position_bytes: u64) -> Self {
        let end_bytes = segment.size_bytes();
        Self { segment, position_bytes, end_bytes, window: Bytes::new() }
    }

    /// The next batch; `None` at the end.
    ///
    /// # Errors
    /// [`ReadError::Corrupt`] if the bytes are no batch.
    pub(super) fn next_batch(&mut self) -> Result<Option<RecordBatch>, ReadError> {
        let mut wanted_bytes = WINDOW_BYTES;
        while self.position_bytes < self.end_bytes {
            match RecordBatch::parse(self.window.clone()) {
                Ok(batch) => {
                    self.position_bytes += batch.size_bytes() as u64;
                    self.window = self.window.slice(batch.size_bytes()..);
                    return Ok(Some(batch));
                }
                Err(BatchError::Partial { expected_bytes, .. })
                    if self.window.len() < wanted_bytes.max(expected_bytes)
                        && self.window_end() < self.end_bytes =>
                {
                    wanted_bytes = wanted_bytes.max(expected_bytes);
                    self.read(wanted_bytes)?;
                }
                Err(error) => {
                    let path = self.segment.log_path();
                    return Err(Damage::new(&path, self.position_bytes, error).into());
                }
            }
        }
        Ok(None)
    }

    fn window_end(&self) -> u64 {
        self.position_bytes + self.window.len() as u64
    }

    fn read(&mut self, wanted_bytes: usize) -> Result<(), ReadError> {
        let (file, path) = (self.segment.file()?, self.segment.log_path());
        if wanted_bytes > WINDOW_BYTES {
            // A length that lies must not cost its size in memory.
            let range = self.position_bytes..self.end_bytes;
            let mut scanner = BatchScanner::new(&*file, &path, range, Depth::Crcs);
            scanner.next_batch().map_err(|error| error.at(&path))?;
        }
        let left = usize::try_from(self.end_bytes - self.position_bytes).unwrap_or(wanted_bytes);
        let mut window = vec![0; wanted_bytes.min(left)];
        let read = file.read_at(&mut window, self.position_bytes).at_path("read", &path)?;
        window.truncate(read);
        if read <= self.window.len() {
            let reason = "the file ends inside a batch";
            return Err(Damage::new(&path, self.position_bytes, reason).into());
        }
        self.window = Bytes::from(window);
        Ok(())
    }
}
