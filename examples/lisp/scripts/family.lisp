; Instances that refer to each other: parents to children, children to parents.

(class Person (name parent children)
  (define (add self name)
    (let ((child (Person name self nil)))
      (put! self 'children (cons child (get self 'children)))
      child))
  (define (size self)
    (fold (lambda (sum child) (+ sum (send child 'size))) 1 (get self 'children)))
  (define (root self)
    (if (get self 'parent) (send (get self 'parent) 'root) self)))

(define (grow person depth)
  (if (< 0 depth)
      (for-each (lambda (n) (grow (send person 'add (string "child " n)) (- depth 1)))
                (range 3))))

(define (make-family)
  (let ((ada (Person "Ada")))
    (grow ada 4)
    ada))

(define ada (make-family))
(assert (= (send ada 'size) 121) "the whole family")
(define child (car (get ada 'children)))
(assert (= (send child 'root) ada) "parents are found")

; Ten families that nobody knows.
(for-each (lambda (n) (make-family)) (range 10))

; A finalizer runs once, with all that it refers to still there; it may keep its object.
(define saved nil)
(define log (vector))
(class Door (name other)
  (define (finalize self)
    (push! log (get self 'name))
    (if (= (get self 'name) "front") (set! saved self))))
(define (make-doors)
  (let ((front (Door "front" nil)) (back (Door "back" nil)))
    (put! front 'other back)
    (put! back 'other front)))
(make-doors)
(gc)
(assert (= (count log) 2) "both were finalized")
(assert (= (get (get (get saved 'other) 'other) 'name) "front") "and both live on")

(print "family: " (send ada 'size) " people, root " (get (send child 'root) 'name)
       "; doors finalized: " (count log))
