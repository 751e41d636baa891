; A function that is defined inside of another refers to its scope, which refers to it.

(define (make-counter)
  (define count 0)
  (define (next)
    (set! count (+ count 1))
    count)
  next)

(define a (make-counter))
(define b (make-counter))
(a)
(a)
(assert (= (a) 3) "counters count")
(assert (= (b) 1) "each for itself")

; Two that know each other, a thousand times.
(define (parity number)
  (define (even? n) (if (= n 0) true (odd? (- n 1))))
  (define (odd? n) (if (= n 0) false (even? (- n 1))))
  (if (even? number) "even" "odd"))

(define evens (filter (lambda (n) (= (parity n) "even")) (range 100)))
(assert (= (count evens) 50) "half of them are even")
(for-each parity (map (lambda (n) (mod n 10)) (range 1000)))

; The fixed point combinator: recursion without a name.
(define (fix f)
  ((lambda (x) (x x))
   (lambda (x) (f (lambda (n) ((x x) n))))))
(define factorial (fix (lambda (self) (lambda (n) (if (= n 0) 1 (* n (self (- n 1))))))))
(assert (= (factorial 10) 3628800) "factorial")

(print "closures: 10! is " (factorial 10) ", and 7 is " (parity 7))
