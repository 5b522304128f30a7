//! Where the partitions lie: pure arithmetic.
