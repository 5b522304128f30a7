//! What belongs to one customer alone.
