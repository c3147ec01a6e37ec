//! Models that are programs: blocks go to standard input, answers come from standard
//! output.
//!
//! A call is one line of JSON, then the arrays it names, each as `NumPy` writes it:
//!
//! ```text
//! {"model": …, "variant": …, "parameters": {NAME: NUMBER}, "switches": {NAME: BOOL},
//!  "dates": ["2003-01-01", …], "arrays": {NAME: UNIT or null}, "wanted": {NAME: UNIT or null}}
//! ```
//!
//! Inputs have a row a day and a column a pixel, statics and states only columns. The
//! answer has the same form: a line `{"arrays": {NAME: UNIT or null}}`, then the arrays.
//! Instead, `{"error": TEXT}` says why there is none. Standard error is for people. Where the definition
//! says so, the arrays lie in memory that both have; see [`shared`](crate::shared).

use crate::call::{Call, Given, Owed, Wanted};
use crate::hosted::{Guest, Start};
use crate::npy::{descr, read_head, write_head};
use crate::running::{self, stop};
use crate::shared::{Layout, Shared};
use crate::{Definition, HostError, Transport};
use rustix::process::Pid;
use seedbed_block::Unit;
use seedbed_model::{Values, ValuesMut};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, VecDeque};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

/// Variables that a program needs to find itself and its libraries. It sees no others:
/// an environment often holds credentials.
const ENVIRONMENT: [&str; 15] = [
    "PATH",
    "HOME",
    "USER",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "PYTHONHOME",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "R_LIBS",
    "R_HOME",
    "JULIA_DEPOT_PATH",
];

/// Variables that tell numeric libraries how many threads to take: one, since tiles run
/// side by side.
const THREADS: [&str; 4] =
    ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"];

/// Longest line of an answer that is believed, in bytes.
const LINE: u64 = 1 << 20;

/// How much of a program's words is kept, in bytes.
const WORDS: usize = 4096;

/// Bytes that a pipe holds, where the system allows so many.
const PIPE: usize = 1 << 20;

/// A program that serves as a model.
#[derive(Debug, Clone)]
pub struct Program {
    model: &'static str,
    command: Vec<String>,
    folder: PathBuf,
    env: Vec<String>,
    transport: Transport,
    limit: Duration,
}

/// Programs are started one after the other, so that none inherits another's memory.
static STARTING: Mutex<()> = Mutex::new(());

impl Program {
    /// The program of a definition.
    #[must_use]
    pub fn of(definition: &Definition) -> Self {
        let mut command = definition.command.clone();
        // A program beside its definition; anything else is sought as a shell does.
        if let Some(first) = command.first_mut()
            && first.contains('/')
        {
            let path = definition.resolve(first);
            *first = std::path::absolute(&path).unwrap_or(path).display().to_string();
        }
        let folder = definition.resolve(".");
        Self {
            model: definition.name.clone().leak(),
            command,
            folder,
            env: definition.env.clone(),
            transport: definition.transport,
            limit: Duration::try_from_secs_f64(definition.timeout).unwrap_or(Duration::MAX),
        }
    }
}

impl Start for Program {
    fn start(&self) -> Result<Box<dyn Guest>, HostError> {
        let (program, arguments) = self.command.split_first().unwrap_or((const { &String::new() }, &[]));
        let failed = |source| HostError::Start { model: self.model, program: self.command.join(" "), source };
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.folder).env_clear();
        command.envs(THREADS.map(|name| (name, "1")));
        let passed = ENVIRONMENT.into_iter().chain(THREADS).chain(self.env.iter().map(String::as_str));
        command.envs(passed.filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // Ctrl-C is for the run, which stops between two calls.
        command.process_group(0);
        let (mut child, shared) = self.spawn(&mut command).map_err(failed)?;
        running::note(Pid::from_child(&child));
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) else {
            return Err(failed(io::Error::other("it has no pipes")));
        };
        // Smaller pipes only cost time.
        let _ = rustix::pipe::fcntl_setpipe_size(&stdin, PIPE);
        let _ = rustix::pipe::fcntl_setpipe_size(&stdout, PIPE);
        let words = Arc::new(Mutex::new(VecDeque::new()));
        let listener = thread::spawn({
            let words = Arc::clone(&words);
            move || listen(stderr, &words)
        });
        Ok(Box::new(Process {
            model: self.model,
            limit: self.limit,
            child,
            stdin: BufWriter::new(stdin),
            stdout: BufReader::with_capacity(1 << 16, stdout),
            shared,
            words,
            listener: Some(listener),
        }))
    }
}

impl Program {
    /// The process, and the memory that it has in common with this one.
    fn spawn(&self, command: &mut Command) -> io::Result<(Child, Option<Shared>)> {
        if self.transport == Transport::Pipes {
            return Ok((command.spawn()?, None));
        }
        let _alone = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = Shared::new()?;
        let child = command.spawn();
        shared.close_to_others()?;
        Ok((child?, Some(shared)))
    }
}

/// Keeps the last of what a program writes to stderr.
fn listen(mut stderr: ChildStderr, words: &Mutex<VecDeque<u8>>) {
    let mut buffer = [0_u8; 1024];
    while let Ok(count) = stderr.read(&mut buffer) {
        if count == 0 {
            return;
        }
        let mut words = words.lock().unwrap_or_else(PoisonError::into_inner);
        words.extend(&buffer[..count]);
        let surplus = words.len().saturating_sub(WORDS);
        words.drain(..surplus);
    }
}

/// A running program.
struct Process {
    model: &'static str,
    limit: Duration,
    child: Child,
    stdin: BufWriter<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    shared: Option<Shared>,
    words: Arc<Mutex<VecDeque<u8>>>,
    listener: Option<thread::JoinHandle<()>>,
}

/// The line before a call's arrays.
#[derive(Serialize)]
struct Question<'a> {
    model: &'a str,
    variant: &'a str,
    parameters: &'a BTreeMap<String, f64>,
    switches: &'a BTreeMap<String, bool>,
    dates: Vec<String>,
    arrays: Names,
    wanted: Names,
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<&'a Layout>,
}

/// The line before an answer's arrays.
#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    arrays: serde_json::Map<String, serde_json::Value>,
    error: Option<String>,
}

/// Names and units, in order.
#[derive(Serialize)]
#[serde(transparent)]
struct Names(serde_json::Map<String, serde_json::Value>);

impl Names {
    fn of(list: impl Iterator<Item = (&'static str, Option<Unit>)>) -> Self {
        Self(list.map(|(name, unit)| (name.to_owned(), serde_json::json!(unit))).collect())
    }
}

impl Guest for Process {
    fn answer(&mut self, call: &mut Call<'_>) -> Result<(), HostError> {
        let layout = self.shared.as_mut().map(|shared| shared.lay(call)).transpose();
        let layout = layout.map_err(|source| HostError::Memory { model: self.model, source })?;
        let question = Question {
            model: call.model,
            variant: call.settings.variant(),
            parameters: call.settings.parameters(),
            switches: call.settings.switches(),
            dates: call.dates.iter().map(ToString::to_string).collect(),
            arrays: Names::of(call.given.iter().map(|g| (g.name, g.unit))),
            wanted: Names::of(call.wanted.iter().map(|w| (w.name, w.unit))),
            memory: layout.as_ref(),
        };
        let (given, wanted, pixels) = (&call.given, &mut call.wanted, call.pixels);
        let given = if layout.is_some() { &[][..] } else { given };
        let memory = self.shared.as_ref().zip(layout.as_ref());
        let (model, limit) = (self.model, self.limit);
        let group = Pid::from_child(&self.child);
        let (stdin, stdout, child) = (&mut self.stdin, &mut self.stdout, &mut self.child);
        let late = AtomicBool::new(false);
        let (over, watched) = mpsc::channel::<()>();
        let answered = thread::scope(|scope| {
            // A program may answer before it has read everything, so both go on at once.
            let asking = scope.spawn(|| ask(stdin, &question, given, pixels));
            scope.spawn({
                let late = &late;
                move || {
                    if watched.recv_timeout(limit) == Err(mpsc::RecvTimeoutError::Timeout) {
                        late.store(true, Ordering::Relaxed);
                        stop(group);
                    }
                }
            });
            let read = receive(model, stdout, memory, wanted, pixels);
            drop(over);
            match &read {
                Ok(()) => {}
                // Its own end says more than one that is made here.
                Err(Unread::Broken(e)) if e.kind() == io::ErrorKind::UnexpectedEof => linger(child, group),
                // It may be waiting to be read, or for the rest of the question.
                Err(_) => stop(group),
            }
            // What it answered counts, even if it didn't read the question to its end.
            let _ = asking.join();
            read
        });
        answered.map_err(|unread| match unread {
            _ if late.load(Ordering::Relaxed) => {
                HostError::TimedOut { model, seconds: limit.as_secs_f64(), days: call.dates.len(), pixels }
            }
            Unread::Error(error) => error,
            Unread::Broken(e) => self.died(&e),
        })
    }
}

/// Why there is no answer.
enum Unread {
    /// The pipe broke, or what came through it is not the protocol's.
    Broken(io::Error),
    /// The answer is there and no good.
    Error(HostError),
}

impl From<io::Error> for Unread {
    fn from(e: io::Error) -> Self {
        Self::Broken(e)
    }
}

fn ask(
    stdin: &mut impl Write,
    question: &Question<'_>,
    given: &[Given<'_>],
    pixels: usize,
) -> io::Result<()> {
    serde_json::to_writer(&mut *stdin, question)?;
    stdin.write_all(b"\n")?;
    for array in given {
        write_head(stdin, array.values.precision(), &shape(array.rows, pixels))?;
        match array.values {
            Values::F32(values) => stdin.write_all(bytemuck::cast_slice(values))?,
            Values::F64(values) => stdin.write_all(bytemuck::cast_slice(values))?,
        }
    }
    stdin.flush()
}

fn shape(rows: Option<usize>, pixels: usize) -> Vec<usize> {
    rows.into_iter().chain([pixels]).collect()
}

fn receive(
    model: &'static str,
    stdout: &mut impl BufRead,
    memory: Option<(&Shared, &Layout)>,
    wanted: &mut [Wanted<'_>],
    pixels: usize,
) -> Result<(), Unread> {
    let answer = |what: String| Unread::Error(HostError::Answer { model, what });
    let mut line = Vec::new();
    stdout.by_ref().take(LINE).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Err(Unread::Broken(io::ErrorKind::UnexpectedEof.into()));
    }
    let reply: Reply = serde_json::from_slice(&line).map_err(|_| {
        let start = String::from_utf8_lossy(&line[..line.len().min(80)]).trim_end().to_owned();
        answer(format!("`{start}` where a line of JSON belongs; what is for people belongs on stderr"))
    })?;
    if let Some(message) = reply.error {
        return Err(Unread::Error(HostError::Refused { model, message }));
    }
    let mut owed = Owed::of(wanted);
    for (name, unit) in &reply.arrays {
        let slot = owed.place(wanted, name).map_err(answer)?;
        // Whoever names a unit names the right one.
        let meant = slot.unit.map(|u| u.to_string());
        let said = unit.as_str().map(|u| u.parse::<Unit>().map_or_else(|_| u.to_owned(), |u| u.to_string()));
        if said.is_some() && said != meant {
            let (said, meant) = (said.unwrap_or_default(), meant.unwrap_or_else(|| "no unit".to_owned()));
            return Err(answer(format!("`{name}` in {said}, but its definition says {meant}")));
        }
        if let Some((shared, layout)) = memory {
            if !shared.read(slot, layout)? {
                return Err(answer(format!("`{name}`, which it hasn't written into the memory")));
            }
            continue;
        }
        fill(stdout, slot, pixels).map_err(|e| match e {
            Unread::Error(_) => e,
            Unread::Broken(e) if e.kind() == io::ErrorKind::InvalidData => answer(format!("`{name}` as {e}")),
            Unread::Broken(e) => Unread::Broken(e),
        })?;
    }
    owed.settled().map_err(answer)
}

fn fill(stdout: &mut impl BufRead, slot: &mut Wanted<'_>, pixels: usize) -> Result<(), Unread> {
    let head = read_head(stdout)?;
    let (type_wanted, shape_wanted) = (descr(slot.values.precision()), shape(slot.rows, pixels));
    // One row may come without its axis.
    let flat = slot.rows == Some(1) && head.shape == [pixels];
    let bad = |what: String| io::Error::new(io::ErrorKind::InvalidData, what);
    if head.descr != type_wanted {
        return Err(bad(format!("`{}` where `{type_wanted}` is wanted", head.descr)).into());
    }
    if head.shape != shape_wanted && !flat {
        return Err(bad(format!("{:?} numbers where {shape_wanted:?} are wanted", head.shape)).into());
    }
    if head.fortran && head.shape.len() > 1 {
        return Err(bad("columns before rows: take numpy.ascontiguousarray".to_owned()).into());
    }
    match &mut slot.values {
        ValuesMut::F32(values) => stdout.read_exact(bytemuck::cast_slice_mut(values))?,
        ValuesMut::F64(values) => stdout.read_exact(bytemuck::cast_slice_mut(values))?,
    }
    Ok(())
}

/// Lets a program that closed its output end by itself, for a moment.
fn linger(child: &mut Child, group: Pid) {
    for _ in 0..50 {
        if !matches!(child.try_wait(), Ok(None)) {
            break;
        }
        thread::sleep(Duration::from_millis(10));
    }
    stop(group);
}

impl Process {
    /// What is known of a program that gave no answer.
    fn died(&mut self, error: &io::Error) -> HostError {
        let group = Pid::from_child(&self.child);
        stop(group);
        let ended = self.child.wait();
        running::forget(group);
        if let Some(listener) = self.listener.take() {
            // It ends with the program's stderr; a failed thread has said nothing.
            let _ = listener.join();
        }
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let stderr = String::from_utf8_lossy(&words.iter().copied().collect::<Vec<u8>>()).into_owned();
        let what = match (error.kind(), ended) {
            (io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe, Ok(status)) => {
                format!("`{}` ended without an answer ({status})", self.model)
            }
            _ => error.to_string(),
        };
        HostError::Died { model: self.model, what, stderr }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let group = Pid::from_child(&self.child);
        stop(group);
        let _ = self.child.wait();
        running::forget(group);
    }
}
