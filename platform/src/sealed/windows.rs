//! DPAPI: `CryptProtectData` and `CryptUnprotectData` for the current user, without entropy and without any window.

use secrecy::SecretSlice;
use secrecy::zeroize::Zeroize;
use windows::Win32::Foundation::{HLOCAL, LocalFree};
use windows::Win32::Security::Cryptography::{
    CRYPT_INTEGER_BLOB, CRYPTPROTECT_UI_FORBIDDEN, CryptProtectData, CryptUnprotectData,
};

use super::SealError;

pub(super) fn open(sealed: &[u8]) -> Result<SecretSlice<u8>, SealError> {
    let (input, mut output) = (blob(sealed)?, Output::default());
    // SAFETY: the input is only read and outlives the call; the output is memory of the system, freed by `Output`.
    unsafe { CryptUnprotectData(&input, None, None, None, None, CRYPTPROTECT_UI_FORBIDDEN, &mut output.0) }
        .map_err(refused)?;
    Ok(SecretSlice::from(output.bytes().to_vec()))
}

pub(super) fn seal(plain: &[u8]) -> Result<Vec<u8>, SealError> {
    let (input, mut output) = (blob(plain)?, Output::default());
    // SAFETY: as above.
    unsafe { CryptProtectData(&input, None, None, None, None, CRYPTPROTECT_UI_FORBIDDEN, &mut output.0) }
        .map_err(refused)?;
    Ok(output.bytes().to_vec())
}

fn refused(error: windows::core::Error) -> SealError {
    SealError::Refused { why: format!("error {:#010x}", error.code().0) }
}

fn blob(bytes: &[u8]) -> Result<CRYPT_INTEGER_BLOB, SealError> {
    if bytes.is_empty() {
        return Err(SealError::Refused { why: "it is empty".to_owned() });
    }
    let length = u32::try_from(bytes.len()).map_err(|_| SealError::Refused { why: "it is too long".to_owned() })?;
    Ok(CRYPT_INTEGER_BLOB { cbData: length, pbData: bytes.as_ptr().cast_mut() })
}

/// What the system gave: wiped, then given back to it.
#[derive(Default)]
struct Output(CRYPT_INTEGER_BLOB);

impl Output {
    fn bytes(&self) -> &[u8] {
        if self.0.pbData.is_null() {
            return &[];
        }
        // SAFETY: the system says how long its memory is, and it lives as long as `self`.
        unsafe { std::slice::from_raw_parts(self.0.pbData, self.0.cbData as usize) }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if self.0.pbData.is_null() {
            return;
        }
        // SAFETY: nobody else knows this memory; it was allocated by the system with LocalAlloc.
        unsafe {
            std::slice::from_raw_parts_mut(self.0.pbData, self.0.cbData as usize).zeroize();
            LocalFree(Some(HLOCAL(self.0.pbData.cast())));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{UserSeal, contract};

    #[test]
    fn keeps_the_contract() {
        contract::check(&UserSeal);
    }
}
