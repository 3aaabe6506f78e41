//! `up`: the tree of services, what happens to them, and where everything is.
