"""The genres that partners have in their lists, as they are looked up: small letters and digits alone."""

from __future__ import annotations

import re

_NAMES = """
2-Step; Acid House; Acid Jazz; Acoustic; Acoustic Blues; Acoustic Pop; Adult Alternative; Adult Contemporary;
African; Afrobeat; Afrobeats; Afro House; Afro Pop; Afro Soul; Alternative; Alternative Country; Alternative Folk;
Alternative Hip-Hop; Alternative Metal; Alternative Pop; Alternative Rap; Alternative R&B; Alternative Rock;
Amapiano; Ambient; Americana; Anime; Arabesque; Arabic; Arabic Pop; Audiobook; Audiobooks; Avant-Garde; Bachata;
Baile Funk; Balearic; Ballad; Ballads; Baltic; Baroque; Bass; Bass House; Bass Music; Bassline; Beats; Bebop;
Bhangra; Big Band; Big Beat; Big Room; Black Metal; Bluegrass; Blues; Blues Rock; Bollywood; Bolero; Boom Bap; Bossa
Nova; Brass; Brazilian; Breakbeat; Breakcore; Breaks; Brit Pop; Britpop; Calypso; Canadian; Caribbean; CCM; Celtic;
Celtic Folk; Chamber Music; Chamber Pop; Chanson; Chant; Children; Children's; Children's Music; Chill; Chillout;
Chillwave; Chinese; Chiptune; Choral; Christian; Christian Hip-Hop; Christian Metal; Christian Pop; Christian Rap;
Christian Rock; Christian & Gospel; Christmas; Classic; Classic Rock; Classical; Classical Crossover; Club; College
Rock; Comedy; Contemporary; Contemporary Blues; Contemporary Christian; Contemporary Classical; Contemporary
Country; Contemporary Folk; Contemporary Gospel; Contemporary Jazz; Contemporary R&B; Cool Jazz; Country; Country
Blues; Country Folk; Country Gospel; Country Pop; Country Rock; Crossover; Crossover Jazz; Crunk; Cumbia; Dance;
Dance & EDM; Dance Pop; Dancehall; Dark Ambient; Darkwave; Death Metal; Deep House; Delta Blues; Dembow; Desi;
Devotional; Devotional & Spiritual; Disco; Dixieland; Doo Wop; Doom Metal; Downtempo; Dream Pop; Drill; Drone; Drum
& Bass; Drum and Bass; Drum 'n' Bass; DnB; Dub; Dub Techno; Dubstep; Easy Listening; EBM; EDM; Educational; Electric
Blues; Electro; Electro House; Electro Pop; Electro Swing; Electroacoustic; Electronic; Electronica; Electropop;
Emo; Enka; Environmental; Europe; European; Eurodance; Eurobeat; Experimental; Experimental Rock; Fado; Field
Recordings; Film; Film Music; Filmi; Fitness & Workout; Flamenco; Folk; Folk Pop; Folk Punk; Folk Rock; Folktronica;
Forro; Free Jazz; French; French Pop; Funk; Funk Carioca; Funk Rock; Fusion; Future Bass; Future Funk; Future
Garage; Future House; G-Funk; Gabber; Game; Games; Gangsta Rap; Garage; Garage Rock; German Folk; German Pop; Glam
Rock; Glitch; Gnawa; Goa; Goregrind; Gospel; Gothic; Gothic Metal; Gothic Rock; Gqom; Grime; Grindcore; Grunge;
Gypsy Jazz; Halloween; Hair Metal; Happy Hardcore; Hard Bop; Hard Dance; Hard House; Hard Rock; Hard Techno;
Hardcore; Hardcore Punk; Hardcore Rap; Hardstyle; Hawaii; Hawaiian; Heavy Metal; Highlife; Hi-NRG; Hip-Hop; Hip Hop;
Hip-Hop/Rap; Hip-Hop & Rap; Hip Hop & Rap; Holiday; Honky Tonk; Hot Jazz; House; Hyperpop; IDM; Indian; Indian
Classical; Indian Pop; Indie; Indie Dance; Indie Electronic; Indie Folk; Indie Pop; Indie Rock; Industrial;
Industrial Metal; Inspirational; Instrumental; Instrumental Hip-Hop; International; Irish Folk; Italian; Italo
Disco; J-Pop; J-Rock; Jam Bands; Japanese; Jazz; Jazz Blues; Jazz Funk; Jazz Fusion; Jazz Rap; Jersey Club; Jungle;
K-Pop; K-Rock; Karaoke; Kayokyoku; Kids; Kizomba; Klezmer; Korean; Kuduro; Latin; Latin Alternative; Latin Jazz;
Latin Pop; Latin Rap; Latin Rock; Latin Trap; Latin Urban; Leftfield; Lo-Fi; Lofi; Lo-Fi Hip-Hop; Lounge; Lovers
Rock; Lullabies; Mandopop; Cantopop; Mantra; March; Mariachi; Math Rock; MPB; Medieval; Meditation; Melodic Death
Metal; Melodic Dubstep; Melodic House; Melodic House & Techno; Melodic Techno; Merengue; Metal; Metalcore; Middle
Eastern; Minimal; Minimal House; Minimal Techno; Modern Blues; Modern Classical; Moombahton; Motown; Movie; Musical;
Musicals; Nature; Nature Sounds; Neo Soul; Neoclassical; New Age; New Jack Swing; New Wave; Noise; Noise Rock;
Nordic; Norteno; Norteño; Novelty; Nu Disco; Nu Jazz; Nu Metal; Nursery Rhymes; Old School Rap; Oldies; Opera;
Orchestral; Original Score; Outlaw Country; P-Funk; Pagode; Phonk; Podcast; Poetry; Polka; Pop; Pop Folk; Pop
Latino; Pop Punk; Pop Rap; Pop Rock; Pop/Rock; Post-Hardcore; Post-Punk; Post-Rock; Power Metal; Power Pop; Praise &
Worship; Progressive; Progressive House; Progressive Metal; Progressive Rock; Progressive Trance; Prog Rock; Psy
Trance; Psytrance; Psychedelic; Psychedelic Rock; Punk; Punk Rock; Qawwali; R&B; R'n'B; RnB; R&B/Soul; Ragga;
Ragtime; Rai; Ranchera; Rap; Rap Metal; Rap Rock; Rave; Reggae; Reggaeton; Regional Mexican; Relaxation; Religious;
Renaissance; Requiem; Rhythm and Blues; Rock; Rock & Roll; Rock and Roll; Rock 'n' Roll; Rockabilly; Roots; Roots
Reggae; Roots Rock; Rumba; Russian; Russian Chanson; Sacred; Salsa; Samba; Schlager; Score; Sertanejo; Shoegaze;
Singer-Songwriter; Singer/Songwriter; Ska; Ska Punk; Skate Punk; Sludge Metal; Smooth Jazz; Soca; Soft Rock; Son;
Soul; Sound Effects; Soundtrack; Soundtracks; South African; Southern Gospel; Southern Rap; Southern Rock; Space
Rock; Spanish; Speed Garage; Speed Metal; Spiritual; Spoken; Spoken Word; Stage & Screen; Standards; Stoner Rock;
Surf; Surf Rock; Swamp Pop; Swing; Symphonic Metal; Symphony; Synth Pop; Synthpop; Synthwave; Tango; Tech House;
Techno; Tejano; Thai Pop; Thrash Metal; Traditional; Traditional Blues; Traditional Country; Traditional Folk;
Trance; Trap; Tribal; Tribal House; Trip-Hop; Trip Hop; Trot; Tropical; Tropical House; Turkish; TV Soundtrack; UK
Drill; UK Funky; UK Garage; Underground Rap; Urban; Urban Cowboy; Urban Latino; Vaporwave; Video Game; Vocal; Vocal
Jazz; Vocal Pop; Vocal Trance; Wave; Wedding Music; West Coast Rap; Western Swing; Witch House; World; World Music;
World Fusion; Worldbeat; Worship; Yacht Rock; Yoga; Zouk; Zydeco
"""

GENRES = frozenset(re.sub(r"[\W_]+", "", part.casefold()) for name in _NAMES.split(";") for part in re.split("/", name))
