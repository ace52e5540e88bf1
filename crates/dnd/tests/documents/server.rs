//! `dnd serve` as a document starts it, at a free port, and `curl` as it asks.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A server that ends with its document.
pub(crate) struct Server {
    child: Child,
    address: String,
    /// The port that the document shows.
    shown: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    /// Starts it; also what it says, as it would at the port that the words name.
    pub(crate) fn start(folder: &Path, words: &[String]) -> Result<(Self, String), String> {
        let mut words = words.to_vec();
        let at = words
            .iter()
            .position(|word| word == "--port" || word == "-p");
        let shown = match at {
            Some(at) => std::mem::replace(&mut words[at + 1], "0".into()),
            None => {
                words.extend(["--port", "0"].map(String::from));
                "8080".into()
            }
        };
        let mut child = Command::new(env!("CARGO_BIN_EXE_dnd"))
            .args(&words)
            .current_dir(folder)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("http://") {
            let before = line.len();
            if said.read_line(&mut line).unwrap() == before {
                break;
            }
        }
        let address = line
            .split_once("http://")
            .and_then(|(_, rest)| Some(rest.split_once('/')?.0.to_string()));
        let mut server = Self {
            child,
            address: address.clone().unwrap_or_default(),
            shown,
        };
        let Some(address) = address else {
            let _ = server.child.wait();
            return Err(format!("the server did not start: {line}"));
        };
        let (_, port) = address.split_once(':').unwrap();
        line = line.replace(port, &server.shown);
        Ok((server, line))
    }

    /// What `curl` with these words prints.
    pub(crate) fn curl(&self, folder: &Path, words: &[String]) -> Result<String, String> {
        let (mut method, mut heads, mut body) = ("GET", String::new(), String::new());
        let (mut output, mut url) = (None, None);
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or(format!("nothing after {word}"));
            match word {
                "-s" => {}
                "-X" => method = value()?,
                "-H" => heads += &format!("{}\r\n", value()?),
                "-d" => {
                    body = value()?.to_string();
                    method = "POST";
                }
                "-o" => output = Some(value()?),
                _ if word.starts_with('-') => {
                    return Err(format!("nothing here knows curl {word}"));
                }
                _ => url = Some(word),
            }
        }
        let url = url.ok_or("no address")?;
        let host = format!("localhost:{}", self.shown);
        let path = url
            .trim_start_matches("http://")
            .strip_prefix(&host)
            .ok_or(format!("{url} is not at {host}"))?;
        let mut stream = TcpStream::connect(&self.address).map_err(|error| error.to_string())?;
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{heads}content-length: {}\r\n\r\n{body}",
            body.len()
        )
        .map_err(|error| error.to_string())?;
        let mut answer = String::new();
        stream
            .read_to_string(&mut answer)
            .map_err(|error| error.to_string())?;
        let (_, body) = answer.split_once("\r\n\r\n").ok_or("no answer")?;
        match output {
            None => Ok(body.to_string()),
            Some(file) => {
                std::fs::write(folder.join(file), body).unwrap();
                Ok(String::new())
            }
        }
    }
}
