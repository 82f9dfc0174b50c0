//! Frames: a length, then that many bytes, at most as many as whoever reads allows.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Poll, Waker},
};

use quinn::{ReadError, ReadExactError, RecvStream, SendStream, WriteError};
use thiserror::Error;

/// What is read at a time: memory grows with what has come, not with what was announced.
const PIECE_BYTES: usize = 64 << 10;

/// Why a frame was not read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// More bytes are announced than whoever reads allows.
    #[error("a frame of {got} bytes; at most {limit} are allowed")]
    TooLong {
        /// As announced.
        got: usize,
        /// The most.
        limit: usize,
    },
    /// Fewer bytes than announced, or more.
    #[error("the stream ended within a frame, or went on after it")]
    Cut,
    /// The connection failed.
    #[error(transparent)]
    Stream(#[from] ReadError),
}

/// Where bytes come from: a stream, or a slice where what is read is under test.
pub(super) trait Source {
    /// Fills the buffer, or fails.
    async fn fill(&mut self, to: &mut [u8]) -> Result<(), FrameError>;

    /// Whether nothing follows.
    async fn has_ended(&mut self) -> Result<bool, FrameError>;
}

impl Source for RecvStream {
    async fn fill(&mut self, to: &mut [u8]) -> Result<(), FrameError> {
        self.read_exact(to).await.map_err(|error| match error {
            ReadExactError::FinishedEarly(_) => FrameError::Cut,
            ReadExactError::ReadError(error) => FrameError::Stream(error),
        })
    }

    async fn has_ended(&mut self) -> Result<bool, FrameError> {
        Ok(self.read(&mut [0]).await?.is_none())
    }
}

impl Source for &[u8] {
    async fn fill(&mut self, to: &mut [u8]) -> Result<(), FrameError> {
        let (bytes, rest) = self.split_at_checked(to.len()).ok_or(FrameError::Cut)?;
        to.copy_from_slice(bytes);
        *self = rest;
        Ok(())
    }

    async fn has_ended(&mut self) -> Result<bool, FrameError> {
        Ok(self.is_empty())
    }
}

/// Reads the length.
pub(super) async fn read_length(
    stream: &mut impl Source,
    limit: usize,
) -> Result<usize, FrameError> {
    let mut head = [0; 4];
    stream.fill(&mut head).await?;
    let got = usize::try_from(u32::from_le_bytes(head)).unwrap_or(usize::MAX);
    if got > limit { Err(FrameError::TooLong { got, limit }) } else { Ok(got) }
}

/// Reads as many bytes as were announced, and the end of the stream.
pub(super) async fn read_body(stream: &mut impl Source, len: usize) -> Result<Vec<u8>, FrameError> {
    let mut bytes = Vec::with_capacity(len.min(PIECE_BYTES));
    while bytes.len() < len {
        let start = bytes.len();
        bytes.resize(start + (len - start).min(PIECE_BYTES), 0);
        let (_, piece) = bytes.split_at_mut(start);
        stream.fill(piece).await?;
    }
    if stream.has_ended().await? { Ok(bytes) } else { Err(FrameError::Cut) }
}

/// Reads a whole frame.
pub(super) async fn read(stream: &mut impl Source, limit: usize) -> Result<Vec<u8>, FrameError> {
    let len = read_length(stream, limit).await?;
    read_body(stream, len).await
}

/// Reads a frame from bytes that are all there, by the code that reads one from a connection.
///
/// # Errors
/// [`FrameError::TooLong`], [`FrameError::Cut`].
pub fn read_frame(mut bytes: &[u8], limit: usize) -> Result<Vec<u8>, FrameError> {
    let read = pin!(read(&mut bytes, limit));
    match read.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(read) => read,
        // Nobody is waited for: a slice has all it will ever have.
        Poll::Pending => Err(FrameError::Cut),
    }
}

/// Sends one frame and ends the stream.
///
/// # Panics
/// If the frame is longer than any that is sent.
pub(super) async fn write(stream: &mut SendStream, bytes: &[u8]) -> Result<(), WriteError> {
    let len = u32::try_from(bytes.len()).expect("frames are shorter than a message");
    stream.write_all(&len.to_le_bytes()).await?;
    stream.write_all(bytes).await?;
    // Refused only if the stream was ended before, which nothing else does.
    let _ = stream.finish();
    Ok(())
}
