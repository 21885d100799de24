//! What every controller stands on: queue, verdicts, status writer, events.
