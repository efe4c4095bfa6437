//! The bundle compiled into the programs, so that an agent without configuration shows
//! something true. Which files it has is stated here; what they say is in `artifacts/`.
