;; The two passes over every pixel of a training image. `npm run generate` compiles this file to
;; src/loader/pixel-kernels.generated.ts; src/loader/pixel-kernels.ts lays out the memory. Addresses and steps are bytes.
(module
  (memory (export "memory") 1)

  ;; Adds noise to `length` bytes at `at`, 16 at a time (the last write may reach 15 bytes further), saturating at 0 and
  ;; 255. `up` and `down` are two tables of 16384 + 16 bytes: what to add, and what to subtract. Each 16 pixels begin at a
  ;; random byte of the tables, drawn by xorshift32 (Marsaglia 2003) from `state`, which is not 0.
  (func (export "addNoise") (param $at i32) (param $length i32) (param $up i32) (param $down i32) (param $state i32)
    (local $end i32) (local $entry i32)
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $state (i32.xor (local.get $state) (i32.shl (local.get $state) (i32.const 13))))
        (local.set $state (i32.xor (local.get $state) (i32.shr_u (local.get $state) (i32.const 17))))
        (local.set $state (i32.xor (local.get $state) (i32.shl (local.get $state) (i32.const 5))))
        (local.set $entry (i32.shr_u (local.get $state) (i32.const 18)))
        (v128.store (local.get $at)
          (i8x16.sub_sat_u
            (i8x16.add_sat_u
              (v128.load (local.get $at))
              (v128.load (i32.add (local.get $up) (local.get $entry))))
            (v128.load (i32.add (local.get $down) (local.get $entry)))))
        (local.set $at (i32.add (local.get $at) (i32.const 16)))
        (br $next))))

  ;; Writes `columns` grey pixels, read from `from` every `step` bytes, as float32 RGB at `to`. `table` holds 16 bytes a
  ;; level: three float32 and four unused bytes, which the next pixel overwrites: 4 bytes after the last one are lost.
  (func (export "writeGreyRow") (param $from i32) (param $step i32) (param $table i32) (param $to i32) (param $columns i32)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $columns)))
        (v128.store (local.get $to)
          (v128.load (i32.add (local.get $table) (i32.shl (i32.load8_u (local.get $from)) (i32.const 4)))))
        (local.set $from (i32.add (local.get $from) (local.get $step)))
        (local.set $to (i32.add (local.get $to) (i32.const 12)))
        (local.set $columns (i32.sub (local.get $columns) (i32.const 1)))
        (br $next))))

  ;; As writeGreyRow, of pixels of three bytes.
  (func (export "writeRgbRow") (param $from i32) (param $step i32) (param $table i32) (param $to i32) (param $columns i32)
    (block $done
      (loop $next
        (br_if $done (i32.eqz (local.get $columns)))
        (f32.store (local.get $to)
          (f32.load (i32.add (local.get $table) (i32.shl (i32.load8_u (local.get $from)) (i32.const 4)))))
        (f32.store offset=4 (local.get $to)
          (f32.load offset=4 (i32.add (local.get $table) (i32.shl (i32.load8_u offset=1 (local.get $from)) (i32.const 4)))))
        (f32.store offset=8 (local.get $to)
          (f32.load offset=8 (i32.add (local.get $table) (i32.shl (i32.load8_u offset=2 (local.get $from)) (i32.const 4)))))
        (local.set $from (i32.add (local.get $from) (local.get $step)))
        (local.set $to (i32.add (local.get $to) (i32.const 12)))
        (local.set $columns (i32.sub (local.get $columns) (i32.const 1)))
        (br $next)))))
