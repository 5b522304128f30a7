; Compiles what Puppet Server loads at its start, once, into a jar: the distribution ships it and its
; libraries as Clojure source, which every start would compile again.
;
; Arguments: CLASSES (an empty folder), JAR (to write), PATHS (to write: every jar of the class path, even
; those that manifests name but do not exist), then bootstrap files.
(ns slipway.compile
  (:require [clojure.java.io :as io]
            [clojure.string :as str])
  (:import [java.io File]
           [java.time LocalDateTime]
           [java.util.jar Attributes$Name JarFile]
           [java.util.zip ZipEntry ZipOutputStream]))

; Clojure prefers a class to its source only if the class is newer, by the times in the two jars. The time
; is the same in every jar that we write, so that equal classes give an equal jar; the list of inputs, and
; not this time, shows a source that is newer than the compiled class.
(def entry-time (LocalDateTime/of 2100 1 1 0 0))

(defn services
  "The namespaces that a bootstrap file names, disabled lines too: both forms of the CA are in ca.cfg."
  [file]
  (for [line (str/split-lines (slurp file))
        :let [[_ space] (re-find #"^#?(puppetlabs\.[\w.-]+)/[\w-]+\s*$" line)]
        :when space]
    (symbol space)))

(defn named-by-manifest [^String path]
  (let [file (io/file path)]
    (when (.isFile file)
      (with-open [jar (JarFile. file)]
        (let [main (some-> (.getManifest jar) (.getMainAttributes))
              names (some-> main (.getValue Attributes$Name/CLASS_PATH) (str/split #"\s+"))]
          (mapv #(.getPath (.resolve (.toURI file) ^String %)) (remove str/blank? names)))))))

(defn class-path
  "Every jar that the class loader may open, from the given ones through their manifests."
  [jars]
  (loop [[jar & more] jars, seen (sorted-set)]
    (cond (nil? jar) seen
          (seen jar) (recur more seen)
          :else (recur (into (vec more) (named-by-manifest jar)) (conj seen jar)))))

(defn write-jar [^File classes jar]
  (let [root (.toPath classes)
        names (sort (for [^File f (file-seq classes) :when (.isFile f)]
                      (str (.relativize root (.toPath f)))))]
    (with-open [out (ZipOutputStream. (io/output-stream jar))]
      (doseq [^String n names]
        (.putNextEntry out (doto (ZipEntry. n) (.setTimeLocal entry-time)))
        (io/copy (io/file classes n) out)
        (.closeEntry out)))
    (count names)))

(let [[classes jar paths & bootstrap] *command-line-args*
      spaces (distinct (mapcat services bootstrap))]
  (binding [*compile-files* true, *compile-path* classes]
    (doseq [space (cons 'puppetlabs.trapperkeeper.main spaces)]
      (require space)))
  (let [start (remove #{classes} (str/split (System/getProperty "java.class.path") #":"))]
    (spit paths (str (str/join "\n" (class-path start)) "\n")))
  (println (write-jar (io/file classes) jar) "classes of" (count spaces) "services")
  (shutdown-agents))
