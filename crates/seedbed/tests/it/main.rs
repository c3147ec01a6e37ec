//! The program as its users meet it: in a fresh directory, from outside, and
//! what it writes in other people's hands.

mod front;
mod help;
mod house;
mod point;
mod python;
mod reports;
mod sandbox;
