//! How commands talk: tables, progress, errors and exit codes.
