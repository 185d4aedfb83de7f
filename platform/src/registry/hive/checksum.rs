//! The two sums that a hive and its logs are checked with.

/// XOR over the first 508 bytes of a first block; neither 0 nor -1.
pub(super) fn of_head(head: &[u8]) -> u32 {
    let words = head.get(..508).unwrap_or_default().chunks_exact(4);
    let sum = words.fold(0, |sum, word| sum ^ u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
    match sum {
        0 => 1,
        u32::MAX => u32::MAX - 1,
        sum => sum,
    }
}

/// Marvin32 with the seed that Windows uses for log entries.
pub(super) fn of_entry(bytes: &[u8]) -> u64 {
    marvin32(0x82EF_4D88_7A4E_55C5, bytes)
}

fn marvin32(seed: u64, bytes: &[u8]) -> u64 {
    let (mut low, mut high) = ((seed & 0xFFFF_FFFF) as u32, (seed >> 32) as u32);
    let mut mix = |word: u32| {
        low = low.wrapping_add(word);
        high ^= low;
        low = low.rotate_left(20).wrapping_add(high);
        high = high.rotate_left(9) ^ low;
        low = low.rotate_left(27).wrapping_add(high);
        high = high.rotate_left(19);
        u64::from(high) << 32 | u64::from(low)
    };
    let words = bytes.chunks_exact(4);
    let mut last = [0; 4];
    let rest = words.remainder();
    last[..rest.len()].copy_from_slice(rest);
    last[rest.len()] = 0x80;
    for word in words {
        mix(u32::from_le_bytes([word[0], word[1], word[2], word[3]]));
    }
    mix(u32::from_le_bytes(last));
    mix(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marvin_gives_what_dotnet_tests_expect() {
        let seed = 0x004F_B61A_001B_DBCC;
        let cases: [(&[u8], u64); 5] = [
            (&[], 0x30ED_35C1_00CD_3C7D),
            (&[0xAF], 0x48E7_3FC7_7D75_DDC1),
            (&[0x37, 0xF4, 0x95], 0xF0B0_7C78_9B8C_F7E8),
            (&[0x86, 0x42, 0xDC, 0x59], 0x7008_F2E8_7E9C_F556),
            (&[0xAB, 0x42, 0x7E, 0xA8, 0xD1, 0x0F, 0xC7], 0xE118_47E4_F067_8C41),
        ];
        for (bytes, sum) in cases {
            assert_eq!(marvin32(seed, bytes), sum, "{bytes:?}");
        }
        let all: Vec<u8> = (0..=255).collect();
        assert_eq!(marvin32(seed, &all), 0x7DFC_AB33_FCEA_D72C);
    }

    #[test]
    fn a_heads_sum_is_never_nothing() {
        assert_eq!(of_head(&[0; 512]), 1);
        let mut head = [0; 512];
        head[..4].copy_from_slice(&[0xFF; 4]);
        assert_eq!(of_head(&head), 0xFFFF_FFFE);
    }
}
