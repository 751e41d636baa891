; A map: dicts in a dict that refer to each other both ways; a search through it.

(define cities (dict))

(define (city name)
  (let ((known (get cities name)))
    (if known
        known
        (let ((new (dict)))
          (put! new 'name name)
          (put! new 'roads (vector))
          (put! cities name new)
          new))))

(define (road from to)
  (push! (get (city from) 'roads) (city to))
  (push! (get (city to) 'roads) (city from)))

(road "Aachen" "Bonn")
(road "Bonn" "Celle")
(road "Celle" "Dresden")
(road "Dresden" "Aachen")
(road "Dresden" "Emden")

; Breadth first: how many roads from one city to the other?
(define (distance from to)
  (define seen (dict))
  (define (spread cities roads)
    (cond ((not (pair? cities)) nil)
          ((pair? (filter (lambda (city) (= (get city 'name) to)) cities)) roads)
          (true (spread (fold neighbours nil cities) (+ roads 1)))))
  (define (neighbours found city)
    (define at 0)
    (define roads (get city 'roads))
    (while (< at (count roads))
      (let ((next (get roads at)))
        (if (not (get seen next))
            (begin (put! seen next true)
                   (set! found (cons next found)))))
      (set! at (+ at 1)))
    found)
  (spread (list (city from)) 0))

(assert (= (distance "Aachen" "Aachen") 0))
(assert (= (distance "Aachen" "Emden") 2))
(assert (= (distance "Bonn" "Emden") 3))
(assert (not (distance "Bonn" "Rome")))

; A list that bites its tail, and prints all the same.
(define (ring list)
  (define (last pair) (if (pair? (cdr pair)) (last (cdr pair)) pair))
  (set-cdr! (last list) list)
  list)
(define hours (ring (range 12)))
(assert (= (car (cdr (cdr hours))) 2))
(for-each (lambda (n) (ring (range 20))) (range 200))

(print "roads: Bonn to Emden takes " (distance "Bonn" "Emden"))
