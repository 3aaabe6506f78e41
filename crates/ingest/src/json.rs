//! JSON that strangers send: how deep it may be.

/// Objects and arrays may lie in each other so deep.
pub const DEPTH_MAX: usize = 64;

/// A text is nested deeper than [`DEPTH_MAX`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the JSON is nested more than {DEPTH_MAX} deep")]
pub struct TooDeep;

/// Looks how deep a text is nested before anybody reads it. Whether it is JSON at all is for the
/// reader to say.
pub fn check_depth(text: &[u8]) -> Result<(), TooDeep> {
    let (mut depth, mut in_text, mut escaped) = (0_usize, false, false);
    for byte in text {
        if in_text {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_text = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_text = true,
            b'{' | b'[' => {
                depth += 1;
                if depth > DEPTH_MAX {
                    return Err(TooDeep);
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_counts_objects_and_arrays_and_not_what_stands_in_text() {
        let nested = |depth| [b"[".repeat(depth), b"]".repeat(depth)].concat();
        assert_eq!(check_depth(&nested(DEPTH_MAX)), Ok(()));
        assert_eq!(check_depth(&nested(DEPTH_MAX + 1)), Err(TooDeep));
        assert_eq!(check_depth(&b"[{}]".repeat(1_000)), Ok(()));
        assert_eq!(check_depth(br#"["\"[[", "\\"]"#), Ok(()));
        let in_text = [&b"\""[..], &b"[".repeat(100), b"\""].concat();
        assert_eq!(check_depth(&in_text), Ok(()));
        assert_eq!(check_depth(&[in_text, b"[".repeat(65)].concat()), Err(TooDeep));
    }
}
