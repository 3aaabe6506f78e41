//! Quantities: no text makes a parser panic, and what was parsed prints as text that means the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trunkline_model::units::{ByteSize, Rate, Share, format_duration, parse_duration};

fuzz_target!(|text: &str| {
    if let Ok(duration) = parse_duration(text) {
        assert_eq!(parse_duration(&format_duration(duration)), Ok(duration));
    }
    if let Ok(rate) = text.parse::<Rate>() {
        assert_eq!(rate.to_string().parse(), Ok(rate));
    }
    if let Ok(share) = text.parse::<Share>() {
        assert_eq!(share.to_string().parse(), Ok(share));
    }
    if let Ok(size) = text.parse::<ByteSize>() {
        assert_eq!(size.to_string().parse(), Ok(size));
    }
});
