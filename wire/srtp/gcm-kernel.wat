;; The arithmetic of AES-GCM that is not AES (NIST SP 800-38D), for SRTP packets: counter blocks to be encrypted elsewhere, the exclusive or
;; with the encrypted ones, and GHASH. No branch and no address depends on a key or on what is protected, so that time tells nothing of them.
;; `npm run generate` makes gcm-kernel-code.ts of it; gcm-kernel.ts has the places in memory and the functions' description.
;;
;; GHASH multiplies by H in GF(2^128). Byte j of a block has the coefficients of x^8j to x^8j+7, the first in its highest bit. A multiple of H
;; by a half byte is looked up byte by byte: row k of the tables has, for each of the 16 values, byte k of the multiple, so that one swizzle looks
;; up byte k for all sixteen bytes of a block, byte j's result belonging at j+k. Rows are taken from the last to the first, and what has been added
;; up is moved by one byte before each. Four blocks are multiplied, by H^4, H^3, H^2 and H, before the sum of 32 bytes is reduced.
(module
  (import "host" "memory" (memory 3))

  ;; Products of half bytes and 1 + x + x^2 + x^7, which is x^128 here: the first byte of those with a high and with a low half, then the second.
  (data (i32.const 2048)
    "\00\1c\38\24\70\6c\48\54\e1\fd\d9\c5\91\8d\a9\b5\00\01\03\02\07\06\04\05\0e\0f\0d\0c\09\08\0a\0b"
    "\00\20\40\60\80\a0\c0\e0\00\20\40\60\80\a0\c0\e0\00\c2\84\46\08\ca\8c\4e\10\d2\94\56\18\da\9c\5e")

  ;; Writes `count` blocks at $to: the nonce, three words as numbers, and a counter from 1 on.
  (func (export "count") (param $to i32) (param $first i32) (param $second i32) (param $third i32) (param $count i32)
    (local $block v128) (local $end i32)
    (local.set $block
      (i32x4.replace_lane 2
        (i32x4.replace_lane 1
          (i32x4.replace_lane 0 (v128.const i32x4 0 0 0 1) (local.get $first))
          (local.get $second))
        (local.get $third)))
    (local.set $end (i32.add (local.get $to) (i32.shl (local.get $count) (i32.const 4))))
    (loop $blocks
      ;; Words in the order of the network.
      (v128.store (local.get $to)
        (i8x16.shuffle 3 2 1 0 7 6 5 4 11 10 9 8 15 14 13 12 (local.get $block) (local.get $block)))
      (local.set $block (i32x4.add (local.get $block) (v128.const i32x4 0 0 0 1)))
      (br_if $blocks (i32.lt_u (local.tee $to (i32.add (local.get $to) (i32.const 16))) (local.get $end)))))

  ;; Encrypts the packet at $packet from $clear to $length and puts the tag of 16 bytes behind. $key: the encrypted counter blocks.
  ;; A copy of it stands around $text: what is in clear before, as GHASH wants it, in whole blocks and in groups of four.
  (func (export "seal") (param $packet i32) (param $clear i32) (param $length i32) (param $key i32) (param $text i32)
    (local $size i32) (local $blocks i32) (local $head i32) (local $at i32) (local $sum v128)
    (local.set $size (i32.sub (local.get $length) (local.get $clear)))
    (local.set $blocks (i32.shr_u (i32.add (local.get $size) (i32.const 15)) (i32.const 4)))
    (local.set $head (i32.shr_u (i32.add (local.get $clear) (i32.const 15)) (i32.const 4)))

    ;; Blocks of zeros in front change nothing, and make the number of all blocks a multiple of four.
    (local.set $at
      (i32.and
        (i32.sub (i32.const -1) (i32.add (local.get $blocks) (local.get $head)))
        (i32.const 3)))
    (local.set $at
      (i32.sub (local.get $text) (i32.shl (i32.add (local.get $at) (local.get $head)) (i32.const 4))))
    (memory.fill (local.get $at) (i32.const 0) (i32.sub (local.get $text) (local.get $at)))
    (memory.copy
      (i32.sub (local.get $text) (i32.shl (local.get $head) (i32.const 4)))
      (local.get $packet)
      (local.get $clear))

    (call $encrypt
      (i32.add (local.get $packet) (local.get $clear))
      (i32.add (local.get $key) (i32.const 16))
      (local.get $text)
      (local.get $blocks))
    (memory.fill
      (i32.add (local.get $text) (local.get $size))
      (i32.const 0)
      (i32.sub (i32.shl (local.get $blocks) (i32.const 4)) (local.get $size)))

    ;; Both lengths in bits, each a number of 64 bits in the order of the network.
    (local.set $sum
      (i64x2.shl
        (i64x2.replace_lane 1
          (i64x2.splat (i64.extend_i32_u (local.get $clear)))
          (i64.extend_i32_u (local.get $size)))
        (i32.const 3)))
    (v128.store (i32.add (local.get $text) (i32.shl (local.get $blocks) (i32.const 4)))
      (i8x16.shuffle 7 6 5 4 3 2 1 0 15 14 13 12 11 10 9 8 (local.get $sum) (local.get $sum)))

    (v128.store (i32.add (local.get $packet) (local.get $length))
      (v128.xor
        (v128.load (local.get $key))
        (call $hash
          (local.get $at)
          (i32.add (local.get $text) (i32.shl (i32.add (local.get $blocks) (i32.const 1)) (i32.const 4)))))))

  ;; $blocks blocks at $plain become their exclusive or with those at $key, there and at $copy.
  (func $encrypt (param $plain i32) (param $key i32) (param $copy i32) (param $blocks i32)
    (local $block v128) (local $end i32)
    (local.set $end (i32.add (local.get $plain) (i32.shl (local.get $blocks) (i32.const 4))))
    (block $done
      (loop $next
        (br_if $done (i32.ge_u (local.get $plain) (local.get $end)))
        (local.set $block (v128.xor (v128.load (local.get $plain)) (v128.load (local.get $key))))
        (v128.store (local.get $plain) (local.get $block))
        (v128.store (local.get $copy) (local.get $block))
        (local.set $plain (i32.add (local.get $plain) (i32.const 16)))
        (local.set $key (i32.add (local.get $key) (i32.const 16)))
        (local.set $copy (i32.add (local.get $copy) (i32.const 16)))
        (br $next))))

  ;; GHASH of the blocks from $at to $end, a multiple of four of them, at least four.
  (func $hash (param $at i32) (param $end i32) (result v128)
    (local $sum v128) (local $zero v128) (local $low v128) (local $high v128) (local $block v128) (local $row i32)
    (local $high4 v128) (local $low4 v128) (local $high3 v128) (local $low3 v128)
    (local $high2 v128) (local $low2 v128) (local $high1 v128) (local $low1 v128)
    (loop $group
      (local.set $block (v128.xor (local.get $sum) (v128.load (local.get $at))))
      (local.set $high4 (i8x16.shr_u (local.get $block) (i32.const 4)))
      (local.set $low4 (v128.and (local.get $block) (i8x16.splat (i32.const 15))))
      (local.set $block (v128.load offset=16 (local.get $at)))
      (local.set $high3 (i8x16.shr_u (local.get $block) (i32.const 4)))
      (local.set $low3 (v128.and (local.get $block) (i8x16.splat (i32.const 15))))
      (local.set $block (v128.load offset=32 (local.get $at)))
      (local.set $high2 (i8x16.shr_u (local.get $block) (i32.const 4)))
      (local.set $low2 (v128.and (local.get $block) (i8x16.splat (i32.const 15))))
      (local.set $block (v128.load offset=48 (local.get $at)))
      (local.set $high1 (i8x16.shr_u (local.get $block) (i32.const 4)))
      (local.set $low1 (v128.and (local.get $block) (i8x16.splat (i32.const 15))))

      (local.set $low (local.get $zero))
      (local.set $high (local.get $zero))
      (local.set $row (i32.const 0))
      (loop $rows
        (local.set $high (i8x16.shuffle 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 (local.get $low) (local.get $high)))
        (local.set $low (i8x16.shuffle 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 (local.get $zero) (local.get $low)))
        (local.set $low
          (v128.xor
            (v128.xor
              (v128.xor
                (i8x16.swizzle (v128.load (local.get $row)) (local.get $high4))
                (i8x16.swizzle (v128.load offset=16 (local.get $row)) (local.get $low4)))
              (v128.xor
                (i8x16.swizzle (v128.load offset=32 (local.get $row)) (local.get $high3))
                (i8x16.swizzle (v128.load offset=48 (local.get $row)) (local.get $low3))))
            (v128.xor
              (v128.xor
                (v128.xor
                  (i8x16.swizzle (v128.load offset=64 (local.get $row)) (local.get $high2))
                  (i8x16.swizzle (v128.load offset=80 (local.get $row)) (local.get $low2)))
                (v128.xor
                  (i8x16.swizzle (v128.load offset=96 (local.get $row)) (local.get $high1))
                  (i8x16.swizzle (v128.load offset=112 (local.get $row)) (local.get $low1))))
              (local.get $low))))
        (br_if $rows (i32.lt_u (local.tee $row (i32.add (local.get $row) (i32.const 128))) (i32.const 2048))))

      ;; x^128 and above; of that again what is above x^127 is in its last byte.
      (local.set $sum (v128.xor (local.get $low) (call $reduce (local.get $high))))
      (local.set $sum
        (v128.xor (local.get $sum)
          (call $reduce
            (i8x16.shuffle 15 16 16 16 16 16 16 16 16 16 16 16 16 16 16 16 (call $spill (local.get $high)) (local.get $zero)))))
      (br_if $group (i32.lt_u (local.tee $at (i32.add (local.get $at) (i32.const 64))) (local.get $end))))
    (local.get $sum))

  ;; What x^128 times $high is below x^128.
  (func $reduce (param $high v128) (result v128)
    (v128.xor
      (v128.xor
        (i8x16.swizzle (v128.load offset=2048 (i32.const 0)) (i8x16.shr_u (local.get $high) (i32.const 4)))
        (i8x16.swizzle (v128.load offset=2064 (i32.const 0)) (v128.and (local.get $high) (i8x16.splat (i32.const 15)))))
      (i8x16.shuffle 31 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14
        (call $spill (local.get $high))
        (v128.const i32x4 0 0 0 0))))

  ;; For each byte of $high the second byte of its product with x^128.
  (func $spill (param $high v128) (result v128)
    (v128.xor
      (i8x16.swizzle (v128.load offset=2080 (i32.const 0)) (i8x16.shr_u (local.get $high) (i32.const 4)))
      (i8x16.swizzle (v128.load offset=2096 (i32.const 0)) (v128.and (local.get $high) (i8x16.splat (i32.const 15)))))))
