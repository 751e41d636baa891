; Observers that a subject does not keep alive: weak references, with a function that is called when
; their object goes.

(define gone 0)
(define (note-gone) (set! gone (+ gone 1)))

(class Subject (value observers)
  (define (observe self observer)
    (put! self 'observers (cons (weak observer note-gone) (get self 'observers))))
  (define (change self value)
    (put! self 'value value)
    (put! self 'observers (filter weak-get (get self 'observers)))
    (for-each (lambda (observer) (send (weak-get observer) 'changed value))
              (get self 'observers))))

(class Observer (subject seen)
  (define (changed self value) (put! self 'seen value)))

(define (observer-of subject)
  (let ((observer (Observer subject nil)))
    (send subject 'observe observer)
    observer))

(define subject (Subject 0 nil))
(define first (observer-of subject))
(define second (observer-of subject))
(send subject 'change 1)
(assert (= (get second 'seen) 1) "both are told")

; No cycle: it goes at once.
(set! second nil)
(assert (= gone 1) "called at once")
(send subject 'change 2)
(assert (= (count (get subject 'observers)) 1))

; An observer on a cycle of its own goes with the collector.
(let ((lonely (observer-of subject)))
  (put! lonely 'seen lonely))
(gc)
(assert (= gone 2) "called by the collector")

(print "observers: " gone " gone, the first saw " (get first 'seen))
