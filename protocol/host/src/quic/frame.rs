//! Frames: a length, then that many bytes, at most as many as whoever reads allows.

use quinn::{ReadError, ReadExactError, RecvStream, SendStream, WriteError};
use thiserror::Error;

/// What is read at a time: memory grows with what has come, not with what was announced.
const PIECE_BYTES: usize = 64 << 10;

/// Why a frame was not read.
#[derive(Debug, Error)]
pub(super) enum FrameError {
    #[error("a frame of {got} bytes; at most {limit} are allowed")]
    TooLong { got: usize, limit: usize },
    #[error("the stream ended within a frame, or went on after it")]
    Cut,
    #[error(transparent)]
    Stream(#[from] ReadError),
}

/// Reads the length.
pub(super) async fn read_length(
    stream: &mut RecvStream,
    limit: usize,
) -> Result<usize, FrameError> {
    let mut head = [0; 4];
    stream.read_exact(&mut head).await.map_err(cut)?;
    let got = usize::try_from(u32::from_le_bytes(head)).unwrap_or(usize::MAX);
    if got > limit { Err(FrameError::TooLong { got, limit }) } else { Ok(got) }
}

/// Reads as many bytes as were announced, and the end of the stream.
pub(super) async fn read_body(stream: &mut RecvStream, len: usize) -> Result<Vec<u8>, FrameError> {
    let mut bytes = Vec::with_capacity(len.min(PIECE_BYTES));
    while bytes.len() < len {
        let start = bytes.len();
        bytes.resize(start + (len - start).min(PIECE_BYTES), 0);
        let (_, piece) = bytes.split_at_mut(start);
        stream.read_exact(piece).await.map_err(cut)?;
    }
    match stream.read(&mut [0]).await? {
        None => Ok(bytes),
        Some(_) => Err(FrameError::Cut),
    }
}

/// Reads a whole frame.
pub(super) async fn read(stream: &mut RecvStream, limit: usize) -> Result<Vec<u8>, FrameError> {
    let len = read_length(stream, limit).await?;
    read_body(stream, len).await
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

fn cut(error: ReadExactError) -> FrameError {
    match error {
        ReadExactError::FinishedEarly(_) => FrameError::Cut,
        ReadExactError::ReadError(error) => FrameError::Stream(error),
    }
}
