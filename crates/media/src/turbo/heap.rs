//! The libraries in C ask the system's allocator for the coefficients and planes of each picture anew. As it is set, glibc
//! gives what is free at the end of its heap back to the system after each picture and faults it in again, page by page,
//! for the next: 260,000 faults in sixty photos of 1.4 megapixels, a seventh of the work.

#![expect(unsafe_code, reason = "mallopt has no safe wrapper")]

/// Free memory at the end of a heap that stays with the process, in bytes.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const KEPT: i32 = 64 << 20;
/// What is larger than this, in bytes, is mapped by itself and given back at once; the most that glibc allows.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const MAPPED: i32 = 32 << 20;

/// Lets the process keep the memory of one picture for the next, from the first call on. Elsewhere than on glibc it does
/// nothing.
pub(super) fn keep() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        static ONCE: std::sync::Once = std::sync::Once::new();
        // SAFETY: mallopt takes plain numbers and locks what it changes.
        ONCE.call_once(|| unsafe {
            // One that is refused leaves the default in force.
            let _ = libc::mallopt(libc::M_MMAP_THRESHOLD, MAPPED);
            let _ = libc::mallopt(libc::M_TRIM_THRESHOLD, KEPT);
        });
    }
}
