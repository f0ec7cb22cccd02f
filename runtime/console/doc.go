// Package console holds the web console: one page, its style sheet and its scripts, embedded as they stand in files. There is
// no build step, and nothing in it comes from anybody else. Package httpapi serves it at /console.
//
// The scripts are modules of the browser, each with one job:
//
//   - main.js starts the console: it knows the views, shows the one that the address names, and holds the frame around it.
//   - address.js keeps what is looked at in the address: view, window, equipments, zone and language; and beside it the way back from a zoom.
//   - service.js makes every call. It keeps decimals as the text that the service sent, waits where the service asks to, and
//     has session.js ask for the password again when a session has ended; the call then goes on as if nothing had been.
//     Its background is for what nobody has asked for, such as a refresh: where the session has ended, the page says so, and nobody
//     who is typing finds the keys in a field for a password. Work that goes on for long, such as a transfer, waits for a session there.
//   - session.js signs in and out. At sign-out the document is emptied.
//   - text.js chooses the language; text-en.js and text-pt.js hold every sentence, in English and in Brazilian Portuguese. A text that it
//     makes can be said again, so that another language or zone changes what is shown in place: nothing that was typed is lost, and
//     nothing that runs is disturbed. translation.js translates what the service says of files and readings, by the table service-pt.js.
//   - numbers-and-times.js writes numbers and times as the language and the zone want them, and calculates with decimals as
//     text: no value passes through a float on its way into a table.
//   - dom.js makes elements, and knows where in the document each text stands. Nothing is ever read as HTML.
//   - One module for each view: overview.js, equipment.js, send.js, uploads.js, deletion.js, machines.js.
//   - What shows aggregates: window.js and choice.js let people choose a window and equipments; result.js shows the answer to
//     that question, and keeps an answer with its own question until the next one has come; aggregates.js asks for it, in steps
//     that suit the picture; chart.js draws it, with the round values and times of ticks.js; table.js lists it, and of its rows only
//     those in sight stand in the document. readings.js lists raw readings.
//   - What else views share: suggest.js (a field for the id of an equipment), file-format.js (how a CSV file is written),
//     transfer.js (the way of a file to the service, with put.js, which sends bytes to an address, and parts.js, which sends a large
//     file part by part), upload-list.js, rejects.js (refused rows), reasons.js (why the service refuses something), and
//     examples.js (programs to paste).
//
// # A new view
//
// A view is a module that exports a function which takes the console (the object that main.js makes: service, text, format,
// address, zone, user, faultText) and returns {element, open(place), close()}. element is shown in the frame. open is called each time that the
// address names the view, and when anything in the address changes while it is shown; close when another view comes. A view
// stays alive while it is not shown, so that nothing is lost of what was typed. Texts go into the document by element, set, say and note
// of dom.js, which keep them up to date; a number or a time that open does not write anew is a Said of text.js. Add the view to the list
// in main.js, its title to both texts as "view.NAME", and its file to index.html as a modulepreload if it belongs to what is seen first;
// other modules are loaded when they are needed.
//
// # A new sentence
//
// Add it to text-en.js and to text-pt.js under the same key. "{name}" stands for a value, and a key with the endings
// ".one" and ".other" for a sentence that depends on a number {count}. A test compares the keys and the values of both files,
// and finds keys that no module uses and that no file has.
//
// A new sentence of the packages reading and csvfile goes into service-pt.js as it stands in their sources, with {} for what is put into it;
// another test reads the sources, and names what the table lacks.
package console
