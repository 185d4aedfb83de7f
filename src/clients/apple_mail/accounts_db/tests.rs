//! Databases made here, with invented accounts.
