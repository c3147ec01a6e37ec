//! What this machine has, or a job's share of it: cores, memory, disk.

use std::path::Path;

/// Cores this process may use: those that the system lets it have, and under Slurm no
/// more than the job asked for.
pub fn cores() -> usize {
    let here = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    job_cores(&from_environment).map_or(here, |asked| asked.min(here)).max(1)
}

/// A variable of the environment.
fn from_environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Cores of a Slurm task, where the job says so.
fn job_cores(variable: &dyn Fn(&str) -> Option<String>) -> Option<usize> {
    variable("SLURM_CPUS_PER_TASK").or_else(|| variable("SLURM_CPUS_ON_NODE"))?.trim().parse().ok()
}

/// Bytes of memory of a Slurm job on this node, where the job says so. Slurm counts in
/// units of 1024 × 1024 bytes; 0 stands for all that there is.
fn job_memory(variable: &dyn Fn(&str) -> Option<String>) -> Option<u64> {
    let number = |name| variable(name)?.trim().parse::<u64>().ok();
    let of_node = number("SLURM_MEM_PER_NODE");
    let of_cores = || {
        let cores = number("SLURM_CPUS_ON_NODE").or_else(|| number("SLURM_CPUS_PER_TASK"))?;
        Some(number("SLURM_MEM_PER_CPU")?.saturating_mul(cores))
    };
    of_node.or_else(of_cores).filter(|m| *m > 0).map(|m| m.saturating_mul(1 << 20))
}

/// Holds little more memory than is used from now on. A transfer has little in many places: of huge pages, which the
/// allocator asks for otherwise, it holds half as much again and uses none of that, and what is free is soon given back.
pub fn spare_pages() {
    // Where this can't be said, only more memory is held.
    #[cfg(target_os = "linux")]
    let _ = rustix::thread::disable_transparent_huge_pages(true);
    give_back_after(SPARED);
}

/// Milliseconds for which memory that is free stays with a process that transfers files.
const SPARED: std::ffi::c_long = 20;

/// Milliseconds for which memory that is free stays with a process that makes rasters.
const KEPT: std::ffi::c_long = 10_000;

/// The number of `mi_option_purge_delay` in mimalloc's header.
const PURGE_DELAY: libmimalloc_sys::mi_option_t = 15;

/// Keeps memory that is free for some seconds from now on. Rasters come and go several times a second, and to get a
/// new page from the system costs more than what is done with it.
pub fn keep_pages() {
    give_back_after(KEPT);
}

fn give_back_after(milliseconds: std::ffi::c_long) {
    // SAFETY: it sets a number in mimalloc's own table, unless the user did (MIMALLOC_PURGE_DELAY).
    unsafe { libmimalloc_sys::mi_option_set_default(PURGE_DELAY, milliseconds) };
}

/// Memory in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// What the machine has.
    pub total: u64,
    /// The tightest limit on this process, if there is one: of a cgroup above it, or what
    /// its Slurm job asked for.
    pub limit: Option<u64>,
}

impl Memory {
    /// What this process may use.
    pub fn usable(self) -> u64 {
        self.limit.map_or(self.total, |l| l.min(self.total))
    }

    /// This machine's, where the system tells.
    pub fn of_this_machine() -> Option<Self> {
        let text = std::fs::read_to_string("/proc/meminfo").ok()?;
        let line = text.lines().find_map(|l| l.strip_prefix("MemTotal:"))?;
        let total = line.trim().trim_end_matches(" kB").parse::<u64>().ok()? * 1024;
        let own = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let cgroup = limit_of(&own, Path::new("/sys/fs/cgroup"));
        Some(Self { total, limit: cgroup.into_iter().chain(job_memory(&from_environment)).min() })
    }
}

/// The tightest limit on the way from a process's cgroups up to the root.
/// `own` is its `/proc/self/cgroup`: version 2 has one line `0::/path`,
/// version 1 a line for the memory controller.
fn limit_of(own: &str, root: &Path) -> Option<u64> {
    let limits = own.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let (folder, file) = match controllers {
            "" => (root.to_path_buf(), "memory.max"),
            c if c.split(',').any(|c| c == "memory") => (root.join("memory"), "memory.limit_in_bytes"),
            _ => return None,
        };
        folder
            .join(path.trim_start_matches('/'))
            .ancestors()
            .take_while(|at| at.starts_with(&folder))
            .filter_map(|at| std::fs::read_to_string(at.join(file)).ok()?.trim().parse::<u64>().ok())
            .min()
    });
    limits.min()
}

/// Free bytes of the file system that holds `path`, by `df`, which every POSIX system has.
pub fn free_bytes(path: &Path) -> Option<u64> {
    let output = std::process::Command::new("df").arg("-Pk").arg(path).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let available = text.lines().nth(1)?.split_whitespace().nth(3)?;
    available.parse::<u64>().ok().map(|k| k * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_has_memory_and_disk() {
        assert!(cores() > 0);
        assert!(Memory::of_this_machine().unwrap().usable() > 1_000_000);
        assert!(free_bytes(Path::new(".")).unwrap() > 0);
    }

    #[test]
    fn a_job_has_what_it_asked_for() {
        let job = |pairs: &'static [(&str, &str)]| {
            move |name: &str| pairs.iter().find(|p| p.0 == name).map(|p| p.1.to_owned())
        };
        let by_node = job(&[("SLURM_CPUS_PER_TASK", "4"), ("SLURM_MEM_PER_NODE", "8192")]);
        assert_eq!((job_cores(&by_node), job_memory(&by_node)), (Some(4), Some(8 << 30)));
        let by_core = job(&[("SLURM_CPUS_ON_NODE", "16"), ("SLURM_MEM_PER_CPU", "2048")]);
        assert_eq!((job_cores(&by_core), job_memory(&by_core)), (Some(16), Some(32 << 30)));
        let all = job(&[("SLURM_CPUS_ON_NODE", "16"), ("SLURM_MEM_PER_NODE", "0")]);
        assert_eq!(job_memory(&all), None);
        assert_eq!((job_cores(&job(&[])), job_memory(&job(&[]))), (None, None));
    }

    #[test]
    fn the_tightest_limit_on_the_way_up_counts() {
        let root = std::env::temp_dir().join(format!("seedbed-cgroup-{}", std::process::id()));
        std::fs::create_dir_all(root.join("job/step")).unwrap();
        std::fs::write(root.join("job/memory.max"), "2000\n").unwrap();
        std::fs::write(root.join("job/step/memory.max"), "max\n").unwrap();
        assert_eq!(limit_of("0::/job/step\n", &root), Some(2000));
        assert_eq!(limit_of("0::/\n", &root), None);
        std::fs::create_dir_all(root.join("memory/slurm")).unwrap();
        std::fs::write(root.join("memory/slurm/memory.limit_in_bytes"), "3000\n").unwrap();
        assert_eq!(limit_of("4:cpu,memory:/slurm\n1:name=systemd:/x\n", &root), Some(3000));
        std::fs::remove_dir_all(&root).unwrap();
    }
}
