;; Degree days above a base, of the day and since 1 January: a model as a component,
;; by hand. With a compiler for components the same is written against `model.wit`.
(component
  (core module $guest
    (memory (export "memory") 1)
    (data (i32.const 0) "base" "upper" "tmin" "tmax" "total" "gdd" "gdd_total")

    ;; Memory is taken from the front to the back, and all of it given back after a call.
    (global $free (mut i32) (i32.const 1024))
    (func $take (param $size i32) (result i32) (local $at i32)
      (local.set $at (global.get $free))
      ;; Sixteen bytes of slack: rows are read and written four numbers at a time.
      (global.set $free (i32.and (i32.add (i32.add (local.get $at) (local.get $size)) (i32.const 31)) (i32.const -16)))
      (if (i32.gt_u (global.get $free) (i32.shl (memory.size) (i32.const 16)))
        (then (if (i32.eq (i32.const -1) (memory.grow (i32.add (i32.const 1) (i32.shr_u
            (i32.sub (global.get $free) (i32.shl (memory.size) (i32.const 16))) (i32.const 16)))))
          (then unreachable))))
      (local.get $at))
    (func (export "cabi_realloc") (param i32 i32 i32) (param $size i32) (result i32) (call $take (local.get $size)))
    (func (export "cabi_post_advance") (param i32) (global.set $free (i32.const 1024)))

    ;; The entry of a list whose name is the one at $name; 0 where there is none.
    (func $find (param $at i32) (param $count i32) (param $stride i32) (param $name i32) (param $length i32) (result i32)
      (local $i i32)
      (loop $entries
        (if (i32.eqz (local.get $count)) (then (return (i32.const 0))))
        (if (i32.eq (i32.load offset=4 (local.get $at)) (local.get $length)) (then
          (local.set $i (local.get $length))
          (loop $letters
            (if (i32.eqz (local.get $i)) (then (return (local.get $at))))
            (local.set $i (i32.sub (local.get $i) (i32.const 1)))
            (br_if $letters (i32.eq (i32.load8_u (i32.add (local.get $name) (local.get $i)))
                                    (i32.load8_u (i32.add (i32.load (local.get $at)) (local.get $i))))))))
        (local.set $at (i32.add (local.get $at) (local.get $stride)))
        (local.set $count (i32.sub (local.get $count) (i32.const 1)))
        (br $entries))
      unreachable)

    ;; One day in 32 bits, sums in 64: $n pixels of tmin, tmax, gdd, gdd_total; total as it stands.
    (func $day32 (param $n i32) (param $low i32) (param $high i32) (param $gdd i32) (param $sum i32) (param $total i32)
        (param $base f32) (param $upper f32)
      (local $v v128) (local $t v128) (local $b v128) (local $u v128) (local $half v128)
      (local.set $b (f32x4.splat (local.get $base)))
      (local.set $u (f32x4.splat (local.get $upper)))
      (local.set $half (f32x4.splat (f32.const 0.5)))
      (loop $pixels
        ;; A missing value is the first operand, which these keep.
        (local.set $v (f32x4.pmax
          (f32x4.sub (f32x4.mul (local.get $half) (f32x4.add
              (f32x4.pmin (v128.load (local.get $low)) (local.get $u))
              (f32x4.pmin (v128.load (local.get $high)) (local.get $u)))) (local.get $b))
          (v128.const f32x4 0 0 0 0)))
        (v128.store (local.get $gdd) (local.get $v))
        (local.set $v (v128.and (local.get $v) (f32x4.eq (local.get $v) (local.get $v))))
        (local.set $t (f64x2.add (v128.load (local.get $total)) (f64x2.promote_low_f32x4 (local.get $v))))
        (v128.store (local.get $total) (local.get $t))
        (v128.store64_lane 0 (local.get $sum) (f32x4.demote_f64x2_zero (local.get $t)))
        (local.set $v (i8x16.shuffle 8 9 10 11 12 13 14 15 0 0 0 0 0 0 0 0 (local.get $v) (local.get $v)))
        (local.set $t (f64x2.add (v128.load offset=16 (local.get $total)) (f64x2.promote_low_f32x4 (local.get $v))))
        (v128.store offset=16 (local.get $total) (local.get $t))
        (v128.store64_lane offset=8 0 (local.get $sum) (f32x4.demote_f64x2_zero (local.get $t)))
        (local.set $low (i32.add (local.get $low) (i32.const 16)))
        (local.set $high (i32.add (local.get $high) (i32.const 16)))
        (local.set $gdd (i32.add (local.get $gdd) (i32.const 16)))
        (local.set $sum (i32.add (local.get $sum) (i32.const 16)))
        (local.set $total (i32.add (local.get $total) (i32.const 32)))
        (br_if $pixels (i32.gt_s (local.tee $n (i32.sub (local.get $n) (i32.const 4))) (i32.const 0)))))

    ;; The same in 64 bits.
    (func $day64 (param $n i32) (param $low i32) (param $high i32) (param $gdd i32) (param $sum i32) (param $total i32)
        (param $base f64) (param $upper f64)
      (local $v v128) (local $t v128) (local $b v128) (local $u v128)
      (local.set $b (f64x2.splat (local.get $base)))
      (local.set $u (f64x2.splat (local.get $upper)))
      (loop $pixels
        (local.set $v (f64x2.pmax
          (f64x2.sub (f64x2.mul (v128.const f64x2 0.5 0.5) (f64x2.add
              (f64x2.pmin (v128.load (local.get $low)) (local.get $u))
              (f64x2.pmin (v128.load (local.get $high)) (local.get $u)))) (local.get $b))
          (v128.const f64x2 0 0)))
        (v128.store (local.get $gdd) (local.get $v))
        (local.set $t (f64x2.add (v128.load (local.get $total))
          (v128.and (local.get $v) (f64x2.eq (local.get $v) (local.get $v)))))
        (v128.store (local.get $total) (local.get $t))
        (v128.store (local.get $sum) (local.get $t))
        (local.set $low (i32.add (local.get $low) (i32.const 16)))
        (local.set $high (i32.add (local.get $high) (i32.const 16)))
        (local.set $gdd (i32.add (local.get $gdd) (i32.const 16)))
        (local.set $sum (i32.add (local.get $sum) (i32.const 16)))
        (local.set $total (i32.add (local.get $total) (i32.const 16)))
        (br_if $pixels (i32.gt_s (local.tee $n (i32.sub (local.get $n) (i32.const 2))) (i32.const 0)))))

    ;; An array of the answer: row × pixel where there are rows.
    (func $put (param $at i32) (param $wanted i32) (param $rows i32) (param $kind i32) (param $numbers i32) (param $count i32)
      (i64.store (local.get $at) (i64.load (local.get $wanted)))
      (i32.store offset=8 (local.get $at) (i32.ne (local.get $rows) (i32.const 0)))
      (i32.store offset=12 (local.get $at) (local.get $rows))
      (i32.store offset=16 (local.get $at) (local.get $kind))
      (i32.store offset=20 (local.get $at) (local.get $numbers))
      (i32.store offset=24 (local.get $at) (local.get $count)))

    (func (export "advance") (param i32 i32) (param $parameters i32) (param $np i32) (param i32 i32)
        (param $days i32) (param $nd i32) (param $n i32) (param $arrays i32) (param $na i32) (param $wanted i32) (param $nw i32)
        (result i32)
      (local $kind i32) (local $size i32) (local $low i32) (local $high i32) (local $base f64) (local $upper f64)
      (local $gdd i32) (local $sum i32) (local $total i32) (local $d i32) (local $row i32) (local $answer i32) (local $at i32)
      (local.set $base (f64.load offset=8 (call $find (local.get $parameters) (local.get $np) (i32.const 16) (i32.const 0) (i32.const 4))))
      (local.set $upper (f64.load offset=8 (call $find (local.get $parameters) (local.get $np) (i32.const 16) (i32.const 4) (i32.const 5))))
      (local.set $at (call $find (local.get $arrays) (local.get $na) (i32.const 28) (i32.const 9) (i32.const 4)))
      (local.set $kind (i32.load8_u offset=16 (local.get $at)))
      (local.set $size (select (i32.const 8) (i32.const 4) (local.get $kind)))
      (local.set $low (i32.load offset=20 (local.get $at)))
      (local.set $high (i32.load offset=20 (call $find (local.get $arrays) (local.get $na) (i32.const 28) (i32.const 13) (i32.const 4))))
      (local.set $row (i32.mul (local.get $n) (local.get $size)))
      (local.set $gdd (call $take (i32.mul (local.get $row) (local.get $nd))))
      (local.set $sum (call $take (i32.mul (local.get $row) (local.get $nd))))
      (local.set $total (call $take (i32.add (i32.mul (local.get $n) (i32.const 8)) (i32.const 16))))
      (local.set $at (call $find (local.get $arrays) (local.get $na) (i32.const 28) (i32.const 17) (i32.const 5)))
      (if (local.get $at)
        (then (memory.copy (local.get $total) (i32.load offset=20 (local.get $at)) (i32.mul (local.get $n) (i32.const 8))))
        (else (memory.fill (local.get $total) (i32.const 0) (i32.mul (local.get $n) (i32.const 8)))))

      (loop $each
        ;; 1 January: month and day are the upper half of a day.
        (if (i32.eq (i32.shr_u (i32.load (i32.add (local.get $days) (i32.shl (local.get $d) (i32.const 2)))) (i32.const 16)) (i32.const 0x0101))
          (then (memory.fill (local.get $total) (i32.const 0) (i32.mul (local.get $n) (i32.const 8)))))
        (local.set $at (i32.mul (local.get $d) (local.get $row)))
        (if (local.get $kind)
          (then (call $day64 (local.get $n) (i32.add (local.get $low) (local.get $at)) (i32.add (local.get $high) (local.get $at))
            (i32.add (local.get $gdd) (local.get $at)) (i32.add (local.get $sum) (local.get $at)) (local.get $total)
            (local.get $base) (local.get $upper)))
          (else (call $day32 (local.get $n) (i32.add (local.get $low) (local.get $at)) (i32.add (local.get $high) (local.get $at))
            (i32.add (local.get $gdd) (local.get $at)) (i32.add (local.get $sum) (local.get $at)) (local.get $total)
            (f32.demote_f64 (local.get $base)) (f32.demote_f64 (local.get $upper)))))
        (br_if $each (i32.lt_u (local.tee $d (i32.add (local.get $d) (i32.const 1))) (local.get $nd))))

      ;; What is wanted, each by its name.
      (local.set $answer (call $take (i32.add (i32.mul (local.get $nw) (i32.const 28)) (i32.const 12))))
      (i32.store (local.get $answer) (i32.const 0))
      (i32.store offset=4 (local.get $answer) (i32.add (local.get $answer) (i32.const 12)))
      (i32.store offset=8 (local.get $answer) (local.get $nw))
      (local.set $at (i32.add (local.get $answer) (i32.const 12)))
      (loop $each
        (if (call $find (local.get $wanted) (i32.const 1) (i32.const 8) (i32.const 22) (i32.const 3)) (then
          (call $put (local.get $at) (local.get $wanted) (local.get $nd) (local.get $kind) (local.get $gdd) (i32.mul (local.get $n) (local.get $nd)))))
        (if (call $find (local.get $wanted) (i32.const 1) (i32.const 8) (i32.const 25) (i32.const 9)) (then
          (call $put (local.get $at) (local.get $wanted) (local.get $nd) (local.get $kind) (local.get $sum) (i32.mul (local.get $n) (local.get $nd)))))
        (if (call $find (local.get $wanted) (i32.const 1) (i32.const 8) (i32.const 17) (i32.const 5)) (then
          (call $put (local.get $at) (local.get $wanted) (i32.const 0) (i32.const 1) (local.get $total) (local.get $n))))
        (local.set $at (i32.add (local.get $at) (i32.const 28)))
        (local.set $wanted (i32.add (local.get $wanted) (i32.const 8)))
        (br_if $each (local.tee $nw (i32.sub (local.get $nw) (i32.const 1)))))
      (local.get $answer)))
  (core instance $guest (instantiate $guest))

  ;; The types of `model.wit`.
  (type $day_ (record (field "year" s16) (field "month" u8) (field "day" u8)))
  (export $day "day" (type $day_))
  (type $numbers_ (variant (case "single" (list f32)) (case "double" (list f64))))
  (export $numbers "numbers" (type $numbers_))
  (type $array_ (record (field "name" string) (field "rows" (option u32)) (field "numbers" $numbers)))
  (export $array "array" (type $array_))
  (type $call_ (record
    (field "variant" string)
    (field "parameters" (list (tuple string f64)))
    (field "switches" (list (tuple string bool)))
    (field "days" (list $day))
    (field "pixels" u32)
    (field "arrays" (list $array))
    (field "wanted" (list string))))
  (export $call "call" (type $call_))
  (func $advance (param "call" $call) (result (result (list $array) (error string)))
    (canon lift (core func $guest "advance") (memory (core memory $guest "memory"))
      (realloc (core func $guest "cabi_realloc")) (post-return (core func $guest "cabi_post_advance"))))
  (export "advance" (func $advance)))
