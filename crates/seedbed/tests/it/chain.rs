//! To be restored by its owner: this file was overwritten by mistake at 15:18.
//! It held five tests of the chain; the module that overwrote it is now `basin`.

#[test]
fn restore_the_chain_tests() {
    panic!("chain.rs was overwritten by mistake: put the five tests back");
}
