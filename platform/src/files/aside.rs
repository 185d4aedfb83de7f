//! What to do with what a stopped replacement left, where the system sets the old file aside before the new one takes
//! its name (Windows). Pure: it decides, and `windows.rs` does it.

/// What lies in the file's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InPlace {
    /// Nothing: it was stopped between the two.
    Nothing,
    /// What was there before, or what we meant to put there.
    Ours,
    /// Something else: a mail program that found no file has made one anew, or it cannot be read.
    Strange,
}

/// What there is after a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Found {
    pub in_place: InPlace,
    /// The new bytes, not yet in place.
    pub temp: bool,
    /// The old file, set aside.
    pub aside: bool,
}

/// A step; done in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The old file gets its name back.
    PutBack,
    /// It may be all that is left of the user's settings: it gets a name that no later run touches.
    Keep,
    /// The new bytes go.
    RemoveTemp,
    /// The old file goes: what is in its place is known.
    RemoveAside,
}

/// What to do.
pub(super) fn steps(found: Found) -> Vec<Step> {
    let with_aside = found.aside.then_some(match found.in_place {
        InPlace::Nothing => Step::PutBack,
        InPlace::Ours => Step::RemoveAside,
        InPlace::Strange => Step::Keep,
    });
    // First what keeps the user's settings: a stop here too leaves them.
    with_aside.into_iter().chain(found.temp.then_some(Step::RemoveTemp)).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_old_file_goes_only_when_what_is_in_its_place_is_known() {
        for in_place in [InPlace::Nothing, InPlace::Ours, InPlace::Strange] {
            for (temp, aside) in [(false, false), (true, false), (false, true), (true, true)] {
                let steps = steps(Found { in_place, temp, aside });
                assert_eq!(steps.contains(&Step::RemoveTemp), temp);
                assert_eq!(steps.contains(&Step::RemoveAside), aside && in_place == InPlace::Ours, "{in_place:?}");
                assert_eq!(steps.contains(&Step::PutBack), aside && in_place == InPlace::Nothing, "{in_place:?}");
                assert_eq!(steps.contains(&Step::Keep), aside && in_place == InPlace::Strange, "{in_place:?}");
            }
        }
    }

    /// The steps of a replacement, stopped after each, with a mail program that may make a file of its own in the gap, and
    /// a recovery that may be stopped as well: at every moment the old settings are somewhere, and at the end in place or
    /// kept.
    #[test]
    fn whenever_it_is_stopped_the_old_settings_are_somewhere() {
        for stopped_after in 0..4 {
            for made_anew in [false, true] {
                for recovery_stopped_after in 0..4 {
                    let dir = tempfile::tempdir().unwrap();
                    let at = |name: &str| dir.path().join(name);
                    let [real, temp, aside, kept] = ["prefs.js", "temp", "aside", "kept"].map(at);
                    std::fs::write(&real, "old").unwrap();
                    if stopped_after > 0 {
                        std::fs::write(&temp, "new").unwrap();
                    }
                    if stopped_after > 1 {
                        std::fs::rename(&real, &aside).unwrap();
                        if made_anew {
                            std::fs::write(&real, "theirs").unwrap();
                        }
                    }
                    if stopped_after > 2 && !made_anew {
                        std::fs::rename(&temp, &real).unwrap();
                    }
                    let look = || Found {
                        in_place: match std::fs::read_to_string(&real).as_deref() {
                            Err(_) => InPlace::Nothing,
                            Ok("old" | "new") => InPlace::Ours,
                            Ok(_) => InPlace::Strange,
                        },
                        temp: temp.exists(),
                        aside: aside.exists(),
                    };
                    let carry_out = |step: Step| match step {
                        Step::PutBack => std::fs::rename(&aside, &real).unwrap(),
                        Step::Keep => std::fs::rename(&aside, &kept).unwrap(),
                        Step::RemoveTemp => std::fs::remove_file(&temp).unwrap(),
                        Step::RemoveAside => std::fs::remove_file(&aside).unwrap(),
                    };
                    steps(look()).into_iter().take(recovery_stopped_after).for_each(carry_out);
                    steps(look()).into_iter().for_each(carry_out);
                    let holds = |path: &Path, what: &str| std::fs::read_to_string(path).is_ok_and(|text| text == what);
                    let there = holds(&real, "old") || holds(&kept, "old") || holds(&real, "new");
                    assert!(there, "stopped after {stopped_after}, made anew {made_anew}");
                    assert!(!temp.exists() && !aside.exists());
                    assert_eq!(holds(&real, "theirs"), made_anew && stopped_after > 1, "theirs is not overwritten");
                }
            }
        }
    }
}
